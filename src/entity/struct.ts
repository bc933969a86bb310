import type { PathStep } from './entity-error.ts';
import type { EntityOutput } from './entity-output.ts';
import { holdsFields } from './expectations.ts';

const FIELDS_ENTRY = 10;
const ENTRY_VALUE = 18;
const LIST_VALUES = 10;
const NULL_VALUE = 8;
const NUMBER_VALUE = 17;
const STRING_VALUE = 26;
const BOOL_VALUE = 32;
const STRUCT_VALUE = 42;
const LIST_VALUE = 50;

/** Checks that a value is an object whose keys are its content. */
export function readObject(out: EntityOutput, name: PathStep, value: unknown): Record<string, unknown> {
  if (!holdsFields(value)) throw out.fault(name, 'an object', value);
  return value;
}

/** Writes the fields of a `google.protobuf.Struct`, but for one. */
export function writeStructFields(out: EntityOutput, fields: Record<string, unknown>, except?: string): void {
  for (const key of Object.keys(fields)) {
    if (key === except) continue;
    const value = fields[key];
    if (value === undefined) continue;
    const start = out.openEntry(FIELDS_ENTRY, key);
    writeValue(out, ENTRY_VALUE, key, value);
    out.closeEntry(start);
  }
}

function writeValue(out: EntityOutput, tag: number, step: PathStep, value: unknown): void {
  const start = out.openValue(tag);
  switch (typeof value) {
    case 'string':
      out.string(STRING_VALUE, step, value);
      break;
    case 'number':
      if (!Number.isFinite(value)) throw out.fault(step, 'a finite number', value);
      out.number(NUMBER_VALUE, step, value);
      break;
    case 'boolean':
      out.boolean(BOOL_VALUE, step, value);
      break;
    case 'object':
      writeObject(out, step, value);
      break;
    default:
      throw out.fault(step, 'a JSON value', value);
  }
  out.closeValue(start);
}

function writeObject(out: EntityOutput, step: PathStep, value: object | null): void {
  if (value === null) {
    out.null(NULL_VALUE, step);
    return;
  }
  out.enter(step);
  if (Array.isArray(value)) writeList(out, step, value);
  else {
    const start = out.openMessage(STRUCT_VALUE, step);
    writeStructFields(out, readObject(out, '', value));
    out.closeMessage(start);
  }
  out.leave();
}

function writeList(out: EntityOutput, step: PathStep, list: readonly unknown[]): void {
  const start = out.openList(LIST_VALUE, step);
  for (let i = 0; i < list.length; i++) writeValue(out, LIST_VALUES, i, list[i]);
  out.closeList(start);
}
