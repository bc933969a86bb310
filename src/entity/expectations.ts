import { primaryFields } from '../generated/tables.ts';
import { namesOf } from './schema.ts';
import { nearestName } from './suggest.ts';

/** What may stand where a message does. */
export function expectMessage(message: string): string {
  const primary = primaryFields[message];
  return primary === undefined ? `an object (${message})` : `an object (${message}) or its ${primary}`;
}

/** The field that an unknown key was probably meant for. */
export function expectField(message: string, key: string): string {
  const what = message === 'Entity' ? 'a kind of entity' : `a field of ${message}`;
  const near = nearestName(key, namesOf(message));
  return near === undefined ? what : `${what} (did you mean ${near}?)`;
}

/** True for an object whose keys are its content. */
export function holdsFields(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.getPrototypeOf(value) === Object.prototype || !hidesItsContent(value);
}

/**
 * True for an object that keeps what it holds elsewhere than in fields: a list, a Map, a Date, an instance with nothing
 * but accessors. It would be written as an empty message.
 */
function hidesItsContent(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return false;
  if (Object.prototype.toString.call(value) !== '[object Object]') return true;
  const fromAnotherRealm = Object.getPrototypeOf(prototype) === null;
  if (fromAnotherRealm) return false;
  for (const _ in value) return false;
  return true;
}
