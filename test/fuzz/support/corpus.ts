import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', 'corpus');

export interface CorpusFile {
  readonly file: string;
  readonly bytes: Buffer;
}

/** What is kept of a target: inputs to start from, and all that ever broke a promise. */
export function readCorpus(target: string): readonly CorpusFile[] {
  const folder = path.join(root, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((file) => ({ file, bytes: readFileSync(path.join(folder, file)) }));
}

/** Keeps a finding for good and returns its file. */
export function keepFinding(target: string, input: Uint8Array): string {
  const folder = path.join(root, target);
  const name = createHash('sha256').update(input).digest('hex').slice(0, 12);
  const file = path.join(folder, `found-${name}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, input);
  return file;
}
