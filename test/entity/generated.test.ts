import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');

function generate(folder: string, ...flags: string[]): { status: number | null; stderr: string } {
  const run = spawnSync(process.execPath, [path.join(folder, 'scripts/generate.ts'), ...flags], {
    encoding: 'utf8',
  });
  return { status: run.status, stderr: run.stderr };
}

test('the generated files are what the facts say, and one that is not is found and mended', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'generate-'));
  try {
    for (const part of ['scripts', 'facts', 'src/generated', 'package.json']) {
      cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
    }
    expect(generate(folder, '--check').status).toBe(0);
    const encoder = path.join(folder, 'src/generated/encoder.ts');
    const fresh = readFileSync(encoder, 'utf8');
    appendFileSync(encoder, '// by hand\n');
    const stale = generate(folder, '--check');
    expect(stale.status).toBe(1);
    expect(stale.stderr).toContain(
      'src/generated/encoder.ts is not what the facts say: run npm run generate',
    );
    expect(generate(folder).status).toBe(0);
    expect(readFileSync(encoder, 'utf8')).toBe(fresh);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
