import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { exports as resolveExports } from 'resolve.exports';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { Sights } from './sights.ts';

const manifestSchema = z.looseObject({
  name: z.string().catch(''),
  version: z.string().catch('0.0.0'),
  main: z.string().optional().catch(undefined),
  exports: z.unknown().optional(),
});

/** What of a `package.json` matters here. */
export type Manifest = z.infer<typeof manifestSchema>;

type Refuse = (why: string) => Error;

/** Looked for when the manifest names no entry, or one without its ending. */
const DEFAULT_ENTRIES = ['index.js', 'index.mjs', 'index.ts'];

const TYPESCRIPT = /\.[mc]?ts$/;

/** Reads `package.json` in a folder; undefined when there is none. Throws what `refuse` makes when it cannot be read. */
export async function readManifest(folder: string, refuse: Refuse): Promise<Manifest | undefined> {
  const text = await readFile(path.join(folder, 'package.json'), 'utf8').catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw refuse('its package.json cannot be read');
  });
  if (text === undefined) return undefined;
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    throw refuse('its package.json is not a JSON object');
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * The real path of the module that a package in `directory` (a real path) exports.
 * Throws what `refuse` makes when there is none, when it lies outside of the package, or cannot be run as it is.
 */
export async function findEntry(
  directory: string,
  manifest: Manifest,
  sights: Sights,
  refuse: Refuse,
): Promise<string> {
  for (const candidate of candidatesOf(manifest, refuse)) {
    const file = path.join(directory, candidate);
    await sights.note(file);
    const entry = await realpath(file).catch(() => undefined);
    if (entry === undefined || !(await stat(entry)).isFile()) continue;
    if (!entry.startsWith(directory + path.sep)) throw refuse('its entry lies outside of the package');
    if (TYPESCRIPT.test(entry) && entry.includes(`${path.sep}node_modules${path.sep}`)) {
      throw refuse(
        'its entry is TypeScript, which Node does not run inside node_modules: ' +
          'build it to JavaScript, or keep its source in a backends directory',
      );
    }
    return entry;
  }
  throw refuse('its package.json names no entry file that exists, and there is no index.js or index.ts');
}

function candidatesOf(manifest: Manifest, refuse: Refuse): readonly string[] {
  if (manifest.exports !== undefined && manifest.exports !== null) return exportedBy(manifest, refuse);
  const { main } = manifest;
  if (main === undefined) return DEFAULT_ENTRIES;
  return [main, `${main}.js`, ...DEFAULT_ENTRIES.map((entry) => path.join(main, entry)), ...DEFAULT_ENTRIES];
}

function exportedBy(manifest: Manifest, refuse: Refuse): readonly string[] {
  try {
    return resolveExports(manifest, '.') ?? [];
  } catch (error) {
    throw refuse(`its package.json exports nothing to import: ${messageOf(error)}`);
  }
}
