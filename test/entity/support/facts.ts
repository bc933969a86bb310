import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../facts/diode/', import.meta.url);

export interface FieldFact {
  number: number;
  name: string;
  label: 'singular' | 'optional' | 'repeated' | 'map';
  type: string;
  key?: string;
  oneof?: string;
}

/** An entity with the bytes and the JSON that stand for it. */
export interface Example {
  name: string;
  about: string;
  kind: string | null;
  object: Record<string, unknown>;
  shorthand?: Record<string, unknown>;
  json: unknown;
  hex: string;
}

export interface MessageExample {
  json: Record<string, unknown>;
  hex: string;
}

export function readFact<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Shape;
}

export const dryRunFile = (): string => readFileSync(new URL('examples/dry-run-file.json', FOLDER), 'utf8');

export const messages = (): Record<string, FieldFact[]> =>
  readFact<{ messages: Record<string, FieldFact[]> }>('schema.json').messages;

/** The examples that are one entity each. */
export const examples: readonly Example[] = readdirSync(new URL('examples/', FOLDER))
  .filter((name) => /^\d\d-/.test(name))
  .map((name) => readFact<Example>(`examples/${name}`));
