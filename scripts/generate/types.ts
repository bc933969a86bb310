import type { Facts, Field, Message } from './facts.ts';

const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  int64: 'Integer',
  double: 'number',
  bool: 'boolean',
  bytes: 'Uint8Array | string',
  Timestamp: 'Time',
  Struct: 'JsonObject',
};

/** Kinds of message of which exactly one member is given; `always` stands beside it. */
const EXACTLY_ONE: Readonly<Record<string, string[]>> = {
  Entity: ['timestamp'],
  GenericObject: [],
  CustomFieldObjectReference: [],
  CustomFieldValue: [],
};

function suggestions({ type, suggestions: values }: Field): string | undefined {
  if (type !== 'string' || values.length === 0) return undefined;
  return `Suggested<${values.map((value) => `'${value}'`).join(' | ')}>`;
}

function typeOf(field: Field, primaries: Map<string, Field>): string {
  const primary = primaries.get(field.type);
  const bare = primary ? ` | ${SCALARS[primary.type]}` : '';
  const one = suggestions(field) ?? SCALARS[field.type] ?? field.type + bare;
  if (field.label === 'map') return `Readonly<Record<string, ${one} | null | undefined>>`;
  if (field.label !== 'repeated') return one;
  return `readonly (${one})[]`;
}

function propertyLines(field: Field, primaries: Map<string, Field>): string[] {
  const type = typeOf(field, primaries);
  return [
    ...(field.deprecated ? ['  /** @deprecated */'] : []),
    `  ${field.name}?: ${type} | null | undefined;`,
  ];
}

function extraLines(message: Message, primaries: Map<string, Field>): string[] {
  return Object.entries(message.extras).flatMap(([name, type]) => {
    const primary = primaries.get(type);
    const bare = primary ? ` | ${SCALARS[primary.type]}` : '';
    const targets = message.inherit.filter((rule) => rule.from === name && !rule.broken);
    return [
      `  /** No field of NetBox's: goes to ${targets.map((rule) => `\`${rule.target}.${rule.field}\``).join(', ')} where that is not set. */`,
      `  ${name}?: ${type}${bare} | null | undefined;`,
    ];
  });
}

function interfaceText(message: Message, primaries: Map<string, Field>): string {
  const { name, primary } = message;
  return [
    ...(primary ? [`/** A bare value stands for \`{ ${primary.name}: value }\`. */`] : []),
    `export interface ${name} {`,
    ...message.fields.flatMap((field) => propertyLines(field, primaries)),
    ...extraLines(message, primaries),
    '}',
    '',
  ].join('\n');
}

/** One interface with every member and one type that takes exactly one of them. */
function choiceText(message: Message, always: string[], primaries: Map<string, Field>): string {
  const members = message.fields.filter((field) => !always.includes(field.name));
  const beside = message.fields.filter((field) => always.includes(field.name));
  const besideText = beside.flatMap((field) => propertyLines(field, primaries)).join(' ');
  return [
    `interface ${message.name}Members {`,
    ...members.flatMap((field) => [
      ...(field.deprecated ? ['  /** @deprecated */'] : []),
      `  ${field.name}: ${typeOf(field, primaries)};`,
    ]),
    '}',
    '',
    `/** Exactly one of the members${beside.length > 0 ? '; without a timestamp it gets the time at which it is yielded' : ''}. */`,
    `export type ${message.name} = ExactlyOne<${message.name}Members>${besideText ? ` & {${besideText} }` : ''};`,
    '',
  ].join('\n');
}

/** The types of what an author writes. */
export function generateTypes({ messages }: Facts): string {
  const primaries = new Map<string, Field>();
  for (const message of messages) if (message.primary) primaries.set(message.name, message.primary);
  const texts = messages.map((message) => {
    const always = EXACTLY_ONE[message.name];
    return always ? choiceText(message, always, primaries) : interfaceText(message, primaries);
  });
  return `${PREAMBLE}\n${texts.join('\n')}`;
}

const PREAMBLE = `/** A whole number: beyond 2^53 as a bigint or as decimal digits. */
export type Integer = number | bigint | string;

/** A moment: a Date, or RFC 3339 such as \`2026-01-02T03:04:05.678Z\`, with any offset and up to 9 digits. */
export type Time = Date | string;

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** Any JSON object; keys that are undefined are left out. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** Any text; an editor suggests the values that NetBox knows. */
type Suggested<Value extends string> = Value | (string & {});

type ExactlyOne<Members> = {
  [Name in keyof Members]: { [Key in Name]: Members[Key] } & {
    [Key in Exclude<keyof Members, Name>]?: null | undefined;
  };
}[keyof Members];
`;
