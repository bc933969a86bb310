import { mkdtemp, open, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { dryRunFileName } from '../../../src/sink/dry-run/file-name.ts';
import type { FuzzTarget } from '../support/target.ts';

/** The name of an app, which is a backend's to choose: always a file in the one folder. */
export const target: FuzzTarget = {
  name: 'dry-run-names',
  limitMs: 1_000,
  words: [
    '/',
    '\\',
    '..',
    '.',
    '\0',
    '\n',
    'app',
    'größe',
    '😀',
    '\u202e',
    'x'.repeat(250),
    'e\u0301',
    '~',
    'CON',
    ':',
  ],
  async open() {
    const folder = await mkdtemp(path.join(tmpdir(), 'orb-worker-fuzz-'));
    return {
      async try(input) {
        const file = path.join(folder, dryRunFileName(input.toString(), 17_000_000_000n));
        if (path.dirname(file) !== folder) throw new Error(`${file} lies elsewhere`);
        if (!/^[\p{L}\p{N}_-]*_17000000000\.json$/u.test(path.basename(file)))
          throw new Error(`'${file}' is no name`);
        await (await open(file, 'wx')).close();
        await unlink(file);
      },
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    };
  },
};
