import type { PathStep } from './entity-error.ts';
import { holdsFields } from './expectations.ts';
import { MessageOutput } from './message-output.ts';

const FIELDS_ENTRY = 10;
const ENTRY_KEY = 10;
const ENTRY_VALUE = 18;
const LIST_VALUES = 10;
const NULL_VALUE = 8;
const NUMBER_VALUE = 17;
const STRING_VALUE = 26;
const BOOL_VALUE = 32;
const STRUCT_VALUE = 42;
const LIST_VALUE = 50;

/** Checks that a value is an object whose keys are its content. */
export function readObject(out: MessageOutput, name: PathStep, value: unknown): Record<string, unknown> {
  if (!holdsFields(value)) throw out.fault(name, 'an object', value);
  return value;
}

/** Writes the fields of a `google.protobuf.Struct`, but for one. */
export function writeStructFields(
  out: MessageOutput,
  fields: Record<string, unknown>,
  except?: string,
): void {
  for (const key of Object.keys(fields)) {
    if (key === except) continue;
    const value = fields[key];
    if (value === undefined) continue;
    const start = out.open(FIELDS_ENTRY);
    out.string(ENTRY_KEY, key, key);
    writeValue(out, ENTRY_VALUE, key, value);
    out.close(start);
  }
}

function writeValue(out: MessageOutput, tag: number, step: PathStep, value: unknown): void {
  const start = out.open(tag);
  switch (typeof value) {
    case 'string':
      out.string(STRING_VALUE, step, value);
      break;
    case 'number':
      writeNumber(out, step, value);
      break;
    case 'boolean':
      out.flag(BOOL_VALUE, value);
      break;
    case 'object':
      writeObject(out, step, value);
      break;
    default:
      throw out.fault(step, 'a JSON value', value);
  }
  out.close(start);
}

function writeNumber(out: MessageOutput, step: PathStep, value: number): void {
  if (!Number.isFinite(value)) throw out.fault(step, 'a finite number', value);
  out.float64(NUMBER_VALUE, value);
}

function writeObject(out: MessageOutput, step: PathStep, value: object | null): void {
  if (value === null) {
    out.flag(NULL_VALUE, false);
    return;
  }
  out.enter(step);
  if (Array.isArray(value)) writeList(out, value);
  else {
    const start = out.open(STRUCT_VALUE);
    writeStructFields(out, readObject(out, '', value));
    out.close(start);
  }
  out.leave();
}

function writeList(out: MessageOutput, list: readonly unknown[]): void {
  const start = out.open(LIST_VALUE);
  for (let i = 0; i < list.length; i++) writeValue(out, LIST_VALUES, i, list[i]);
  out.close(start);
}

const RUN_ID = 'run_id';

/** The Struct entry that says which run found an entity. */
export function runEntry(runId: string): Buffer {
  const out = new MessageOutput(64);
  writeStructFields(out, { [RUN_ID]: runId });
  return out.buffer.subarray(0, out.position);
}
