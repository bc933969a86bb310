import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flagOf, OPTIONS, variableOf } from '../../src/cli/options.ts';
import { readVersion } from '../../src/version.ts';
import { runProgram } from './support.ts';

const versionLine = `Orb Worker version: ${readVersion()}, Diode SDK version: 1.14.2\n`;

test('-V prints one line and nothing else', async () => {
  expect(await runProgram(['-V', '-p', 'abc'])).toEqual({ status: 0, stdout: versionLine, stderr: '' });
});

test('the help is on stdout and shows every flag with its variable and default', async () => {
  const { status, stdout, stderr } = await runProgram(['--help']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^usage: orb-worker /);
  const page = stdout.replaceAll(/\s+/g, ' ');
  for (const key of Object.keys(OPTIONS)) {
    expect(page).toContain(flagOf(key));
    expect(page).toContain(`env: ${variableOf(key)})`);
  }
  expect(page).toContain('-p, --port <PORT>');
  expect(page).toContain('(default: 8071, env: ORB_WORKER_PORT)');
});

test('bad usage is two lines on stderr, and status 2', async () => {
  expect(await runProgram(['-p', 'a\nb'])).toEqual({
    status: 2,
    stdout: '',
    stderr:
      'usage: orb-worker [options], all of them with --help\n' +
      "orb-worker: error: argument -p/--port: invalid int value: 'a\\nb'\n",
  });
});

test('no flags at all: a target is asked for', async () => {
  const { status, stderr } = await runProgram([]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/\norb-worker: error: --diode-target required when not running with --dry-run\n$/);
});

test.each([
  ['-V', []],
  ['-h', ['commander']],
  ['--nope', []],
])('%s loads these packages and no more: %j', (flag, expected) => {
  const { stderr } = spawnSync(process.execPath, ['src/main.ts', flag], {
    env: { ...process.env, NODE_DEBUG: 'esm' },
    encoding: 'utf8',
  });
  const urls = [...stderr.matchAll(/file:\/\/[^\s']+/g)].map(([url]) => url);
  expect(urls.some((url) => url.endsWith('/cli/run-cli.ts'))).toBe(true);
  expect(urls.some((url) => url.endsWith('/cli/run-daemon.ts'))).toBe(false);
  const packages = urls.flatMap((url) => /node_modules\/([^/]+)/.exec(url)?.[1] ?? []);
  expect([...new Set(packages)]).toEqual(expected);
});

describe('a Node that is too old', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'orb-worker-main-'));
    const source = readFileSync(fileURLToPath(new URL('../../src/main.ts', import.meta.url)), 'utf8');
    const script = stripTypeScriptTypes(source).replace(/^#!.*/, '');
    // The same text, told by its own Node that it is another.
    const disguise = "Object.defineProperty(process.versions, 'node', { value: process.env.AS_NODE });\n";
    const importsEnd = script.lastIndexOf("from 'node:process';") + "from 'node:process';".length;
    const disguised = `${script.slice(0, importsEnd)}\n${disguise}${script.slice(importsEnd)}`;
    writeFileSync(path.join(dir, 'main.mjs'), disguised);
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const runAs = (version: string): { status: number | null; stderr: string } =>
    spawnSync(process.execPath, [path.join(dir, 'main.mjs'), '-V'], {
      env: { AS_NODE: version },
      encoding: 'utf8',
    });

  test.each(['18.20.8', '20.1.0', '22.17.1'])('%s is refused in one line', (version) => {
    const { status, stderr } = runAs(version);
    expect(stderr).toBe(`orb-worker needs Node.js 22.18 or later; this is v${version}\n`);
    expect(status).toBe(1);
  });

  test.each(['22.18.0', '24.0.0', '26.1.0'])('%s goes on', (version) => {
    // There is no more to load in this folder.
    expect(runAs(version).stderr).toContain('Cannot find module');
  });
});
