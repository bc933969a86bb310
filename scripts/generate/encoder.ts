import type { Facts, Field, Message } from './facts.ts';

/** A oneof with more members than this is looked up in the field table instead of having a case for each. */
const LARGEST_SPELLED_OUT_ONEOF = 20;

const WIRE_TYPES: Readonly<Record<string, number>> = { int64: 0, bool: 0, double: 1 };

/** Messages that must hold exactly one of their fields. */
const EXACTLY_ONE = new Set(['CustomFieldValue', 'GenericObject', 'CustomFieldObjectReference']);

function tagOf(field: Field): number {
  const scalar = field.label === 'singular' || field.label === 'optional';
  return field.number * 8 + (scalar ? (WIRE_TYPES[field.type] ?? 2) : 2);
}

/** The members of the message's oneof that has too many for a case each. */
function bigOneof(message: Message): Set<Field> {
  const groups = Map.groupBy(message.fields, (field) => field.oneof);
  groups.delete(undefined);
  const big = [...groups.values()].filter((members) => members.length > LARGEST_SPELLED_OUT_ONEOF);
  if (big.length > 1) throw new Error(`${message.name} has several big oneofs: the generator knows one`);
  return new Set(big[0]);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function writeValue(field: Field): string {
  const { name, number, label, type } = field;
  const at = `${tagOf(field)}, '${name}', f${number}`;
  if (label === 'map') return `w.customFields(${at}, write${type})`;
  if (type === 'Timestamp') return `w.timestamp(${at})`;
  if (/^[A-Z]/.test(type)) return `w.message${label === 'repeated' ? 's' : ''}(${at}, write${type})`;
  if (label === 'repeated') return `w.${type}s(${at})`;
  // The schema has presence for every bool and double.
  if (type === 'bool' || type === 'double') return `w.${type}(${at})`;
  const presence = label === 'optional' || field.oneof ? 'optional' : 'singular';
  return `w.${presence}${capital(type)}(${at})`;
}

function writeField(field: Field): string {
  const { name, number } = field;
  if (name === 'metadata') return `  w.metadata(${tagOf(field)}, f${number});`;
  return `  if (f${number} != null) ${writeValue(field)};`;
}

function bareValueLine({ name, primary }: Message): string[] {
  if (!primary) return [];
  const presence = primary.label === 'optional' ? 'optional' : 'singular';
  const write = `w.${presence}${capital(primary.type)}(${tagOf(primary)}, '${primary.name}', value)`;
  const test = primary.type === 'string' ? `typeof value === 'string'` : `w.isInteger(value)`;
  if (primary.type !== 'string' && primary.type !== 'int64') {
    throw new Error(`${name} takes a bare ${primary.type}: the generator knows string and int64`);
  }
  return [`  if (${test}) return ${write};`];
}

/** Refuses two members of a oneof, or, where the message must hold one thing, anything but one. */
function oneofLines(message: Message, fields: Field[]): string[] {
  const given = (members: Field[]): string =>
    members.map((field) => `+(f${field.number} != null)`).join(' + ');
  const names = (members: Field[]): string => `[${members.map((field) => `'${field.name}'`).join(', ')}]`;
  if (EXACTLY_ONE.has(message.name) && fields.length > 0) {
    return [`  if (${given(fields)} !== 1) w.notExactlyOne(o, '${message.name}');`];
  }
  const groups = Map.groupBy(fields, (field) => field.oneof);
  groups.delete(undefined);
  return [...groups.values()].map(
    (members) => `  if (${given(members)} > 1) w.moreThanOne(o, ${names(members)});`,
  );
}

/** What nested objects inherit is worked out only where there is something to inherit. */
function inheritLine({ name, fields, extras, inherit: rules }: Message): string[] {
  if (rules.length === 0) return [];
  const isExtra = (field: string): boolean => field in extras;
  const isGiven = (names: string[]): string => {
    const locals = names.map((field) =>
      isExtra(field) ? `x_${field}` : `f${fields.find((other) => other.name === field)?.number}`,
    );
    return [...new Set(locals)].map((local) => `${local} != null`).join(' || ');
  };
  const real = rules.filter((rule) => !isExtra(rule.from));
  const conditions = [
    ...(isGiven(Object.keys(extras)) ? [isGiven(Object.keys(extras))] : []),
    ...(real.length > 0
      ? [`(${isGiven(real.map((rule) => rule.from))}) && (${isGiven(real.map((rule) => rule.target))})`]
      : []),
  ];
  const needed = conditions.map((condition) => `(${condition})`).join(' || ');
  return [`  if (!resolved && ${needed}) return write${name}(w, w.inherit(o, '${name}'), true);`];
}

/** Writes fields in the order of their numbers, the big oneof's chosen member in its place among them. */
function writeLines(fields: Field[], big: Set<Field>): string[] {
  if (big.size === 0) return fields.map(writeField);
  const lines: string[] = [];
  let previous = 0;
  for (const field of fields) {
    const between = [...big].some((member) => member.number > previous && member.number < field.number);
    if (between) lines.push(`  w.chosen(member, o, ${previous}, ${field.number});`);
    lines.push(writeField(field));
    previous = field.number;
  }
  if ([...big].some((member) => member.number > previous)) {
    lines.push(`  w.chosen(member, o, ${previous}, Infinity);`);
  }
  return lines;
}

function generateMessage(message: Message): string {
  const { name } = message;
  const big = bigOneof(message);
  const fields = message.fields.filter((field) => !big.has(field));
  const locals = [
    ...fields.map((field) => `f${field.number}`),
    ...Object.keys(message.extras).map((extra) => `x_${extra}`),
  ];
  const cases = [
    ...fields.map((field) => [field.name, `f${field.number}`]),
    ...Object.keys(message.extras).map((extra) => [extra, `x_${extra}`]),
  ].map(([key, local]) => `      case '${key}': ${local} = o[key]; break;`);
  const other =
    big.size > 0 ? `member = w.member(member, o, key, '${name}')` : `w.unknown(o, key, '${name}')`;
  const resolved = message.inherit.length > 0 ? ', resolved = false' : '';
  return [
    `function write${name}(w: Writer, value: unknown${resolved}): void {`,
    ...bareValueLine(message),
    `  const o = w.object(value, '${name}');`,
    ...(locals.length > 0 ? [`  let ${locals.join(', ')};`] : []),
    ...(big.size > 0 ? ['  let member: Member | undefined;'] : []),
    '  for (const key in o) {',
    '    switch (key) {',
    ...cases,
    `      default: ${other};`,
    '    }',
    '  }',
    ...(big.size > 0 && EXACTLY_ONE.has(name) ? [`  if (!member) w.notExactlyOne(o, '${name}');`] : []),
    ...oneofLines(message, fields),
    ...inheritLine(message),
    ...writeLines(fields, big),
    '}',
  ].join('\n');
}

/** The checked protobuf encoder: a function for each message. */
export function generateEncoder({ messages }: Facts): string {
  const written = messages.filter((message) => message.name !== 'Entity');
  return [
    "import type { Member, Writer } from '../entity/writer.ts';",
    '',
    '/**',
    ' * Writes what `value` says of a message, without tag and length. Each function takes the keys as they come, refuses',
    ' * the ones it does not know, and writes the fields in the order of their numbers. Keys are walked instead of read by',
    ' * name because objects of many shapes make reads by name a hundred times slower.',
    ' */',
    'export type WriteMessage = (w: Writer, value: unknown) => void;',
    '',
    ...written.map((message) => `${generateMessage(message)}\n`),
    'export const writers: Readonly<Record<string, WriteMessage>> = {',
    ...written.map((message) => `  ${message.name}: write${message.name},`),
    '};',
    '',
  ].join('\n');
}
