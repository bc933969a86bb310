import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parsePrometheus } from '../support/prometheus-text.ts';
import { RealDaemon, runProgram } from '../support/real-daemon.ts';
import { blocksOf, readme, root, rowsOf } from './blocks.ts';
import { freePort, Shell } from './shell.ts';

const setUp = 'npm ci && ';
const startsDaemon = /^npm start\b/m;

describe('the commands of the README', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'readme-'));
  // curl then fails, loudly, on any reply that is an error.
  writeFileSync(path.join(home, '.curlrc'), 'fail-with-body\nsilent\nshow-error\n');
  const port = await freePort();
  const env = { HOME: home, TMPDIR: home, ORB_WORKER_PORT: String(port), DIODE_CLIENT_SECRET: 'secret' };
  let daemon: Shell | undefined;

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    rmSync(home, { recursive: true });
  });

  const commands = blocksOf('sh').map((block) => block.trim());
  const [demo, tests, ...others] = commands;

  test('set up and test as CI does', () => {
    expect(tests).toBe(`${setUp}npm test`);
    expect(readFileSync(path.join(root, '.ci/run'), 'utf8')).toContain(`\n${tests}\n`);
  });

  test('show the demo, which leaves no daemon behind', async () => {
    expect(demo).toBe(`${setUp}npm run demo`);
    const shell = new Shell(`npm run demo -- --once`, { HOME: home, TMPDIR: home });
    expect(await shell.ended, shell.output).toBe(0);
    expect(shell.output).toMatch(/^ {2}lo /m);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(shell.output)?.[0];
    await expect(fetch(`${url}/readyz`)).rejects.toThrow('fetch failed');
  });

  test.each(others)('work in the order they are written: %s', async (command) => {
    const onOurPort = command.replaceAll(':8071', `:${port}`);
    if (startsDaemon.test(command)) {
      await daemon?.[Symbol.asyncDispose]();
      daemon = new Shell(onOurPort, env);
      await daemon.shows(/Listening on/);
    } else {
      const shell = new Shell(onOurPort, env);
      expect(await shell.ended, shell.output).toBe(0);
    }
  });

  test('lead to the entities of the backend that they wrote', async () => {
    await daemon?.shows(/"site": \{\s*"name": "Lab"/);
  });
});

describe('the README', () => {
  test('shows the sample backend as it is', () => {
    const source = readFileSync(path.join(root, 'backends/sample/src/index.ts'), 'utf8');
    expect(blocksOf('ts')[0]).toBe(source);
  });

  test('shows flags, variables and defaults as the help does', async () => {
    const { stdout } = await runProgram(['--help']);
    const option = /(-\w, )?(--[\w-]+)(?: <(\w+)>)?(?:(?!--).)*?\((?:default: (\S+), )?env: (\w+)\)/g;
    const shown = Array.from(
      stdout.replace(/\s+/g, ' ').matchAll(option),
      ([, short = '', flag, value, fallback = '', variable]) =>
        [short + [flag, value].filter(Boolean).join(' '), variable, fallback].join(' | '),
    );
    const documented = rowsOf('Flags and variables').map((cells) => cells.slice(0, 3).join(' | '));
    expect(documented.map((row) => row.replaceAll('`', '')).sort()).toEqual(shown.sort());
  });

  test('names every route and no other', async () => {
    await using daemon = await RealDaemon.start(['--dry-run']);
    const { paths } = (await daemon.request('/openapi.json')).json<{ paths: Record<string, object> }>();
    const routes = Object.entries(paths).flatMap(([route, methods]) =>
      Object.keys(methods)
        .filter((key) => key !== 'parameters')
        .map((method) => `\`${method.toUpperCase()} ${route}\``),
    );
    expect(
      rowsOf('Routes')
        .map(([route]) => route)
        .sort(),
    ).toEqual(routes.sort());
  });

  test('names every metric, its type and labels, and no other', async () => {
    await using daemon = await RealDaemon.start(['--dry-run']);
    await daemon.apply('policies: { m: { config: { package: host }, scope: null } }');
    await daemon.line(/Policy m: Successfully/);
    await daemon.request('/metrics');
    const families = parsePrometheus((await daemon.request('/metrics')).text);
    const documented = rowsOf('Metrics').flatMap(([names = '', type, labels = '']) =>
      Array.from(names.matchAll(/`(\w+)`/g), ([, name]) => ({ name, type, labels })),
    );
    expect(documented.map(({ name }) => name).sort()).toEqual([...families.keys()].sort());
    for (const { name = '', type, labels } of documented) {
      expect(families.get(name)?.type, name).toBe(type);
      for (const sample of families.get(name)?.samples ?? []) {
        for (const label of Object.keys(sample.labels)) {
          if (label !== 'le' && labels !== 'the same') expect(labels, name).toContain(`\`${label}\``);
        }
      }
    }
  });

  test('shows policies that are accepted, without a warning', async () => {
    const documents = blocksOf('yaml');
    expect(documents).toHaveLength(2);
    await using daemon = await RealDaemon.start(['--dry-run']);
    for (const document of documents) {
      const reply = await daemon.apply(document);
      expect(reply.status, reply.text).toBe(201);
    }
    const { policies } = (await daemon.request('/api/v1/policies')).json<{ policies: { name: string }[] }>();
    for (const { name } of policies) {
      const policy = (await daemon.request(`/api/v1/policies/${name}`)).json<{ warnings: unknown }>();
      expect(policy.warnings).toEqual([]);
    }
  });

  test('names only scripts that there are', () => {
    const manifest = readFileSync(path.join(root, 'package.json'), 'utf8');
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(manifest);
    const named = Array.from(readme.matchAll(/npm run ([a-z:]+)/g), ([, name]) => name ?? '');
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  test('leads nowhere wrong inside the repository', () => {
    const folders = rowsOf('Development').flatMap(([cell = '']) => cell.match(/`[^`*]+`/g) ?? []);
    expect(folders).not.toEqual([]);
    for (const folder of folders) readFileOrFolder(folder.replaceAll('`', ''));
  });
});

function readFileOrFolder(relative: string): void {
  expect(() => readFileSync(path.join(root, relative))).not.toThrow(/ENOENT/);
}
