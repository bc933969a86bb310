import { fieldTable, inheritance } from '../generated/tables.ts';

/** One field as the tables have it. */
export interface FieldInfo {
  readonly number: number;
  readonly name: string;
  /** A scalar's name in lower case, or a message's. */
  readonly type: string;
  readonly shape: 'one' | 'list' | 'map';
}

const parsed = new Map<string, readonly FieldInfo[]>();

/** The fields of a message by number, read from the table when they are first needed. */
export function fieldsOf(message: string): readonly FieldInfo[] {
  let fields = parsed.get(message);
  if (!fields) {
    fields = (fieldTable[message] ?? '').split(';').map(parseField);
    parsed.set(message, fields);
  }
  return fields;
}

function parseField(text: string): FieldInfo {
  const [number, name = '', marked = ''] = text.split(' ');
  const shape = marked.endsWith('[]') ? 'list' : marked.endsWith('{}') ? 'map' : 'one';
  return { number: Number(number), name, type: marked.replace(/\W+$/, ''), shape };
}

/** Every name that an author may use in a message, those included that are no fields. */
export function namesOf(message: string): string[] {
  return [
    ...fieldsOf(message).map((field) => field.name),
    ...Object.keys(inheritance[message]?.extras ?? {}),
  ];
}
