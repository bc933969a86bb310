import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const node = process.execPath;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const npm = (args: readonly string[], cwd: string): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

describe('the packed package', () => {
  let folder: string;
  let packed: Packed;
  let program: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-package-'));
    const [report] = JSON.parse(
      npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
    );
    packed = report;
    npm(['install', '--global', '--prefix', folder, path.join(folder, packed.filename)], folder);
    program = path.join(folder, 'bin', 'orb-worker');
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('holds the program, the shipped backends and nothing of the workshop', () => {
    const files = packed.files.map((file) => file.path);
    expect(files).toContain('dist/main.js');
    expect(files).toContain('dist/api/page/try-it.js');
    expect(files).toContain('backends/host/dist/index.js');
    expect(files).toContain('backends/sample/dist/index.js');
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'CHANGELOG.md']));
    expect(files).toContain('packaging/systemd/orb-worker.service');
    const allowed =
      /^(dist\/|backends\/[a-z]+\/(dist\/|package\.json|README\.md)|package\.json|README\.md|LICENSE|CHANGELOG\.md|packaging\/systemd\/)/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(files.filter((file) => /\btest|\.map$/.test(file))).toEqual([]);
  });

  test('is what package.json says', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    const printed = execFileSync(node, [program, '--version'], { encoding: 'utf8' });
    expect(printed).toBe(`Orb Worker version: ${version}, Diode SDK version: 1.14.2\n`);
  });

  test.each(['host', 'sample'])(
    'runs its backend %s',
    async (backend) => {
      const output = path.join(folder, `output-${backend}`);
      const flags = ['--port', '0', '--dry-run', '--dry-run-output-dir', output];
      const daemon = spawn(node, [program, ...flags], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
      try {
        const lines = createInterface({ input: daemon.stderr });
        const ended = new Promise<string>((resolve) => {
          lines.on('line', (line) => {
            const port = /Listening on http:\/\/[^ ]*:(\d+)/.exec(line)?.[1];
            if (port !== undefined) void applyTo(port, backend);
            if (/Policy packed: /.test(line) && !/One-time run/.test(line)) resolve(line);
          });
        });
        expect(await ended).toMatch(/Policy packed: Successfully ingested \d+ entit/);
      } finally {
        daemon.kill();
        await once(daemon, 'exit');
      }
    },
    60_000,
  );
});

async function applyTo(port: string, backend: string): Promise<void> {
  const scope = backend === 'host' ? {} : [{ name: 'r1', address: '192.0.2.1/24' }];
  const reply = await fetch(`http://127.0.0.1:${port}/api/v1/policies`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-yaml' },
    body: JSON.stringify({ policies: { packed: { config: { package: backend, site: 'Lab' }, scope } } }),
  });
  if (reply.status !== 201) throw new Error(await reply.text());
}
