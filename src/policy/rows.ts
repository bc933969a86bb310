import type { z } from 'zod';
import type { ValidationFinding } from '../errors.ts';
import { KNOWN_KEYS } from './document-schema.ts';
import type { Path } from './expand.ts';
import { fieldOf } from './field-of.ts';
import { nearMissOf } from './near-miss.ts';

// The rows of upstream's 403 reply, to the letter (sheet: REST); the last two types are of the same style, for `run`.

export const missing = (path: Path): ValidationFinding => row(path, 'missing', 'Field required');

export const dictType = (path: Path): ValidationFinding =>
  row(path, 'dict_type', 'Input should be a valid dictionary');

export const modelType = (path: Path, model: string): ValidationFinding =>
  row(path, 'model_type', `Input should be a valid dictionary or instance of ${model}`);

export const stringType = (path: Path): ValidationFinding =>
  row(path, 'string_type', 'Input should be a valid string');

export const invalidKey = (path: Path): ValidationFinding =>
  row(path, 'invalid_key', 'Keys should be strings');

/** @param why is not for upstream's reply. */
export const valueError = (path: Path, text: string, why?: string): ValidationFinding => ({
  ...row(path, 'value_error', `Value error, ${text}`),
  ...(why !== undefined && { why }),
});

function row(path: Path, type: string, error: string): ValidationFinding {
  return { path, field: fieldOf(path), type, error };
}

const MODELS: Readonly<Record<string, string>> = { config: 'Config', run: 'Run' };

/** @param base where the checked value lies in the document. */
export function rowsOf(issue: z.core.$ZodIssue, base: Path): readonly ValidationFinding[] {
  const path = [...base, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownRunKey([...path, key], key));
  if (issue.input === undefined) return [missing(path)];
  if (issue.code === 'invalid_value')
    return [row(path, 'literal_error', `Input should be ${oneOf(issue.values)}`)];
  if (issue.code !== 'invalid_type') return [valueError(path, issue.message)];
  if (issue.expected === 'string') return [stringType(path)];
  return [modelType(path, MODELS[String(issue.path.at(-1))] ?? 'Policy')];
}

function unknownRunKey(path: Path, key: string): ValidationFinding {
  const meant = nearMissOf(key, KNOWN_KEYS.run);
  const help = meant ? `did you mean '${meant}'?` : `a policy's run has ${KNOWN_KEYS.run.join(', ')}`;
  return row(path, 'extra_forbidden', `Extra inputs are not permitted: ${help}`);
}

/** `'a', 'b' or 'c'` */
function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => `'${String(value)}'`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
