import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackendError, UnavailableError } from '../../src/errors.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { backendSource, PackageFolder, payloadOf, Rig, startRun } from './rig.ts';

let folder: PackageFolder;
beforeAll(async () => {
  folder = await PackageFolder.create();
});
afterAll(() => folder[Symbol.asyncDispose]());

const SAY_SO = `process.stdout.write('here it hangs\\n');`;

describe('opening a package', () => {
  test('gives its version, its folder and its description', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('typed');
    expect(lease.package).toMatchObject({ name: 'typed', version: '1.0.0' });
    expect(lease.package.entryUrl).toMatch(/^file:.*\/typed\/index\.ts$/);
    expect(lease.description).toEqual({
      name: 'typed',
      app_name: 'typed-app',
      app_version: '2.0.0',
      description: 'from source',
    });
  });

  test('gives TypeScript from source the daemon’s own door', async () => {
    await folder.add('far-away', {
      'index.ts': `import { defineBackend } from 'orb-worker';
        export default defineBackend({
          describe: () => ({ name: 'far', app_name: 'far', app_version: '1' }),
          run: () => [{ site: { name: 'a' as string } }],
        });`,
    });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const run = startRun(await rig.host.open('far-away'), null);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.entities()).toMatchObject([{ site: { name: 'a' } }]);
  });

  test('takes CommonJS, transpiled modules too', async () => {
    const source = `module.exports = { describe: () => ({ name: 'c', app_name: 'c', app_version: '1' }), run: () => [] };`;
    await folder.add('common', { 'index.js': source }, { type: 'commonjs' });
    await folder.add(
      'transpiled',
      {
        'index.js': `exports.__esModule = true; exports.default = (() => { ${source} return module.exports; })();`,
      },
      { type: 'commonjs' },
    );
    await using rig = new Rig({ backendsDirs: [folder.path] });
    expect((await rig.host.open('common')).description.name).toBe('c');
    expect((await rig.host.open('transpiled')).description.name).toBe('c');
  });

  test('asks once for all who ask at the same time, and again for those who come later', async () => {
    await folder.add('counting', {
      'index.js': `let count = 0; export default {
        describe: () => ({ name: 'n', app_name: 'a', app_version: String(++count) }), run: () => [] };`,
    });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const together = await Promise.all([1, 2, 3].map(() => rig.host.open('counting')));
    expect(together.map(({ description }) => description.app_version)).toEqual(['1', '1', '1']);
    expect((await rig.host.open('counting')).description.app_version).toBe('2');
  });

  test.each([
    ['throws on import', `throw new Error('no licence')`, 'no licence'],
    [
      'imports what is not there',
      `import 'not-installed-anywhere';`,
      /^Cannot find package 'not-installed-anywhere' imported from index\.js$/,
    ],
    ['is no JavaScript', `export default {`, /Unexpected end of input|Unexpected token/],
    ['exports nothing', `export const backend = {};`, 'it has no default export'],
    [
      'exports a class',
      `export default class Backend {}`,
      'its default export is a function, expected an object with describe and run',
    ],
    ['has no run', `export default { describe() {} }`, `its default export has no function 'run'`],
    ['has no describe', `export default { run() {} }`, `its default export has no function 'describe'`],
    [
      'has a schema that is none',
      backendSource('config: { type: "object" },'),
      `its 'config' is not a schema (Standard Schema, version 1)`,
    ],
    ['describes itself as nothing', backendSource('describe() {},'), 'describe() returned no object'],
    [
      'has no name',
      backendSource(`describe: () => ({ app_name: 'a', app_version: '1' }),`),
      `describe() must return a non-empty string as 'name', got nothing`,
    ],
    [
      'has an empty app_name',
      backendSource(`describe: () => ({ name: 'n', app_name: '', app_version: '1' }),`),
      `describe() must return a non-empty string as 'app_name', got an empty string`,
    ],
    [
      'has a number as version',
      backendSource(`describe: async () => ({ name: 'n', app_name: 'a', app_version: 1 }),`),
      `describe() must return a non-empty string as 'app_version', got number`,
    ],
    ['exits while it is imported', `process.exit(4);`, 'exited with status 4'],
    [
      'throws from a timer while it is imported',
      `setTimeout(() => { throw new Error('too early'); }); await new Promise(() => {});`,
      'threw outside its run: too early',
    ],
  ])('that %s is refused with a reason, and leaves nothing behind', async (_, source, reason) => {
    await folder.add('broken', { 'index.js': source });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const refused = await rig.host.open('broken').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BackendError);
    expect(refused).toHaveProperty(
      'message',
      expect.stringMatching(/^Failed to load a backend from package 'broken': /),
    );
    const why = (refused as Error).message.replace(/^[^:]*: /, '');
    expect(why).toEqual(typeof reason === 'string' ? reason : expect.stringMatching(reason));
    expect(rig.pids).toEqual([]);
  });

  test('whose describe throws is refused with its own words', async () => {
    await folder.add('poor', {
      'index.js': backendSource(`describe() { throw new Error('NETBOX_TOKEN is not set'); },`),
    });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    await expect(rig.host.open('poor')).rejects.toThrow(/^NETBOX_TOKEN is not set$/);
    expect(rig.pids).toEqual([]);
  });

  test.each([
    [
      'import',
      `${SAY_SO} await new Promise(() => setInterval(() => {}, 1_000));`,
      'its import took longer than 10 s',
    ],
    ['import that spins', `${SAY_SO} for (;;);`, 'its import took longer than 10 s'],
    [
      'describe',
      backendSource(`describe() { ${SAY_SO} return new Promise(() => {}); },`),
      'describe() took longer than 10 s',
    ],
    [
      'describe that spins',
      backendSource(`describe() { ${SAY_SO} for (;;); },`),
      'describe() took longer than 10 s',
    ],
  ])('whose %s hangs is given up after 10 s', async (_, source, reason) => {
    await folder.add('hanging', { 'index.js': source });
    const clock = new HeldClock();
    await using rig = new Rig({ backendsDirs: [folder.path], clock });
    const opening = rig.host.open('hanging').catch((error: unknown) => error);
    await expect.poll(() => rig.lines.map(({ msg }) => msg)).toContain('here it hangs');
    const [pid = 0] = rig.pids;
    await clock.advance(9_999);
    expect(isAlive(pid)).toBe(true);
    await clock.advance(1);
    expect(await opening).toEqual(
      new BackendError(`Failed to load a backend from package 'hanging': ${reason}`),
    );
    expect(isAlive(pid)).toBe(false);
  });

  test('uses what lies on disk now: a new version gets new children, the old ones stay with those who hold them', async () => {
    const describeAs = (version: string): string =>
      backendSource(`describe: () => ({ name: 'n', app_name: 'a', app_version: '${version}' }),`);
    const path_ = await folder.add('moving', { 'index.js': describeAs('1') });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const old = await rig.host.open('moving');
    await writeFile(path.join(path_, 'index.js'), describeAs('2.0'));
    const young = await rig.host.open('moving');
    expect([old.description.app_version, young.description.app_version]).toEqual(['1', '2.0']);
    expect(await startRun(old, null).outcome).toEqual({ kind: 'returned' });
    const before = rig.pids;
    old.close();
    await expect.poll(() => rig.pids).toHaveLength(before.length - 1);
  });

  test('follows a link to another version', async () => {
    await using versions = await PackageFolder.create();
    await versions.add('v1', { 'index.js': backendSource() }, { version: '1.0.0' });
    await versions.add('v2', { 'index.js': backendSource() }, { version: '2.0.0' });
    const links = path.join(versions.path, 'links');
    await mkdir(links);
    await using rig = new Rig({ backendsDirs: [links] });
    await symlink('../v1', path.join(links, 'linked'));
    const first = await rig.host.open('linked');
    const { rename } = await import('node:fs/promises');
    await symlink('../v2', path.join(links, 'next'));
    await rename(path.join(links, 'next'), path.join(links, 'linked'));
    const second = await rig.host.open('linked');
    expect([first.package.version, second.package.version]).toEqual(['1.0.0', '2.0.0']);
  });

  test('is refused once the host has stopped', async () => {
    const rig = new Rig();
    await rig.host.stop();
    await expect(rig.host.open('plain')).rejects.toThrow(UnavailableError);
  });
});

describe('the schemas of a backend', () => {
  test('find what is wrong in config and scope', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('schemas');
    const payloads = [
      payloadOf([{ name: 'a' }], { site: 'x' }),
      payloadOf([{ name: 5 }, { name: 'b', port: 70_000 }], { role: 7 }),
      payloadOf(null, { site: '' }),
    ];
    const findings = await lease.check(payloads, []);
    expect(findings).toEqual([
      [],
      [
        { part: 'config', path: ['site'], type: 'missing', message: expect.any(String) },
        { part: 'config', path: ['role'], type: 'value_error', message: expect.any(String) },
        {
          part: 'scope',
          path: [0, 'name'],
          type: 'value_error',
          message: expect.stringContaining('expected string'),
        },
        { part: 'scope', path: [1, 'port'], type: 'value_error', message: expect.any(String) },
      ],
      [
        { part: 'config', path: ['site'], type: 'value_error', message: expect.any(String) },
        { part: 'scope', path: [], type: 'value_error', message: expect.any(String) },
      ],
    ]);
  });

  test('add their output to the keys that were written, and take none away', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('schemas');
    const run = startRun(lease, [{ name: 'a' }], { config: { site: 'x', schedule: '@daily', other: [1] } });
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(JSON.parse(run.logs[0]?.message ?? '')).toEqual({
      package: 'schemas',
      schedule: '@daily',
      site: 'x',
      other: [1],
      role: 'router',
    });
  });

  test('are held against every run', async () => {
    await using rig = new Rig();
    const run = startRun(await rig.host.open('schemas'), 'nonsense', { config: { site: 'x' } });
    expect(await run.outcome).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(/^scope: .*expected array/),
    });
  });

  test('with thousands of findings tell the first hundred', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('schemas');
    const [findings] = await lease.check([payloadOf(Array(5_000).fill({ name: 5 }), { site: 'x' })], []);
    expect(findings).toHaveLength(100);
  });

  test('are asked for again where their process went down with what another did in it', async () => {
    await folder.add('stubborn', {
      'index.js': backendSource(
        `scope: { '~standard': { version: 1, vendor: 'slow', validate: (value) => isAtWork ? new Promise(() => {}) : { value } } },
         run() { isAtWork = true; return new Promise(() => {}); },`,
        'let isAtWork = false;',
      ),
    });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const lease = await rig.host.open('stubborn');
    const run = startRun(lease, null);
    await run.entered;
    const checked = lease.check([payloadOf(null)], []);
    run.execution.cancel(0);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: true });
    expect(await checked).toEqual([[]]);
  });

  test('that throw are an error of the package', async () => {
    await folder.add('odd', {
      'index.js': backendSource(
        `scope: { '~standard': { version: 1, vendor: 'odd', validate() { throw new Error('out of order'); } } },`,
      ),
    });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const lease = await rig.host.open('odd');
    await expect(lease.check([payloadOf(null)], [])).rejects.toThrow(
      new BackendError(`The schemas of package 'odd' could not be used: out of order`),
    );
  });
});
