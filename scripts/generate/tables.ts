import type { Facts, Field, Message } from './facts.ts';

const MARKS = { singular: '', optional: '', repeated: '[]', map: '{}' };

const describeField = (field: Field): string =>
  `${field.number} ${field.name} ${field.type}${MARKS[field.label]}`;

const quote = (text: string): string => `'${text}'`;

function fieldLine(message: Message): string {
  return `  ${message.name}: ${quote(message.fields.map(describeField).join(';'))},`;
}

function primaryLine(message: Message): string[] {
  return message.primary ? [`  ${message.name}: ${quote(message.primary.name)},`] : [];
}

function inheritLines(message: Message): string[] {
  if (message.inherit.length === 0) return [];
  const rules = message.inherit.map(
    (rule) =>
      `      { from: '${rule.from}', target: '${rule.target}', field: '${rule.field}', ` +
      `unless: [${rule.unless.map(quote).join(', ')}], broken: ${rule.broken} },`,
  );
  const extras = Object.entries(message.extras).map(([name, type]) => `${name}: '${type}'`);
  return [
    `  ${message.name}: {`,
    `    extras: { ${extras.join(', ')} },`,
    '    rules: [',
    ...rules,
    '    ],',
    '  },',
  ];
}

/** The schema as text that is cheap to load and read on first use. */
export function generateTables({ messages }: Facts): string {
  return [
    '/** Fields by number: `number name type`; `[]` marks a list, `{}` a map with string keys. */',
    'export const fieldTable: Readonly<Record<string, string>> = {',
    ...messages.map(fieldLine),
    '};',
    '',
    '/** The field that a bare value fills. */',
    'export const primaryFields: Readonly<Record<string, string>> = {',
    ...messages.flatMap(primaryLine),
    '};',
    '',
    '/** `from` goes to `target.field` unless one of `unless` is set there; `broken`: there is no such field. */',
    'export interface InheritRule {',
    '  readonly from: string;',
    '  readonly target: string;',
    '  readonly field: string;',
    '  readonly unless: readonly string[];',
    '  readonly broken: boolean;',
    '}',
    '',
    '/** Names that are no fields (`extras`, with the message each stands for) and who gets what, in this order. */',
    'export const inheritance: Readonly<',
    '  Record<string, { readonly extras: Readonly<Record<string, string>>; readonly rules: readonly InheritRule[] }>',
    '> = {',
    ...messages.flatMap(inheritLines),
    '};',
    '',
  ].join('\n');
}
