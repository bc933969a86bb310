import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ValidationRow } from '../../src/errors.ts';

/** The backend packages that the conformance cases run. */
export const backendsDir = fileURLToPath(new URL('backends', import.meta.url));

/** Flags of a daemon in dry run whose files go to a folder of its own. */
export function dryRunFlags(outputDir = mkdtempSync(path.join(tmpdir(), 'orb-worker-'))): string[] {
  return ['--dry-run', '--dry-run-output-dir', outputDir, '--backends-dir', backendsDir];
}

/** A document with one policy. */
export function policy(name: string, packageName: string, config: object = {}, scope: unknown = {}): string {
  return JSON.stringify({ policies: { [name]: { config: { package: packageName, ...config }, scope } } });
}

export const invalidYaml = { status: 400, detail: 'Invalid YAML format' };

const sentences: Record<string, string> = {
  missing: 'Field required',
  string_type: 'Input should be a valid string',
  dict_type: 'Input should be a valid dictionary',
  value_error: 'Value error, Invalid cron schedule format.',
};

/** A row of a 403 reply as upstream words it; `model` for a `model_type`. */
export function rowOf(field: string, type: string, model?: string): ValidationRow {
  const error =
    model === undefined ? sentences[type] : `Input should be a valid dictionary or instance of ${model}`;
  return { field, type, error: error ?? '' };
}
