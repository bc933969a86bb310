import { createSocket } from 'node:dgram';
import { readFileSync, symlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { PackageFolder, Rig, setUp, startRun, type WatchedRun } from './rig.ts';

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const post = (port: number, body: string): Promise<string> =>
  fetch(`http://127.0.0.1:${port}`, { method: 'POST', body }).then((reply) => reply.text());

const workerOf = (run: WatchedRun): number =>
  Number(/by (\d+)/.exec(JSON.stringify(run.entities()))?.[1] ?? 0);

describe('a policy that lives in a child', () => {
  test('hears what its listener hears, until it is torn down', async () => {
    await using rig = new Rig();
    await using folder = await PackageFolder.create();
    const notes = path.join(folder.path, 'notes');
    const port = await freePort();
    const lease = await rig.host.open('resident');
    const { life, up, aside } = setUp(lease, { mood: 'listens', port, notes });
    await up;
    expect(await post(port, 'a\nb')).toBe('kept');
    expect(aside.ingests.map((one) => one.entities())).toMatchObject([
      [{ device: { name: 'a' } }, { device: { name: 'b' } }],
    ]);
    const [pid = 0] = rig.pids;
    life.end(5_000);
    expect(await life.ended).toEqual({ kind: 'ended' });
    expect(await isListening(port)).toBe(false);
    expect(isAlive(pid)).toBe(true);
    expect(readFileSync(notes, 'utf8')).toBe(`setup edge ${pid}\nteardown edge ${pid} true\ngone edge\n`);
  });

  test('is refused where the backend has neither setup nor teardown, or where they are no functions', async () => {
    await using folder = await PackageFolder.create();
    const source = (members: string): string =>
      `export default { describe: () => ({ name: 'n', app_name: 'a', app_version: '1' }), run: () => [], ${members} }`;
    await folder.add('plain', { 'index.js': source('') });
    await folder.add('odd', { 'index.js': source('setup: 5') });
    await folder.add('half', { 'index.js': source('teardown() {}') });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    expect((await rig.host.open('plain')).setUp).toBeUndefined();
    expect((await rig.host.open('half')).setUp).toBeDefined();
    await expect(rig.host.open('odd')).rejects.toThrow("its 'setup' is a number, expected a function");
  });

  test('has its runs beside it, and keeps its child when there is nothing to do', async () => {
    const clock = new HeldClock();
    await using rig = new Rig({ clock });
    const lease = await rig.host.open('resident');
    const { life, up } = setUp(lease, { mood: 'quiet' });
    await up;
    const [pid] = rig.pids;
    const runs = Array.from({ length: 20 }, () => startRun(lease, {}, { request: { life } }));
    const alone = startRun(lease, {}, { request: { life, alone: true } });
    for (const run of [...runs, alone]) {
      expect(await run.outcome).toEqual({ kind: 'returned' });
      expect(workerOf(run)).toBe(pid);
    }
    await clock.advance(600_000);
    expect(rig.pids).toEqual([pid]);
    life.end(0);
  });

  test('lets a pool grow for others, and is where it is', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const one = setUp(lease, { mood: 'quiet' });
    await one.up;
    const [pid] = rig.pids;
    const apart = setUp(lease, { mood: 'quiet' }, { apart: true });
    await apart.up;
    expect(rig.pids).toHaveLength(2);
    const run = startRun(lease, {}, { request: { life: apart.life } });
    await run.outcome;
    expect(workerOf(run)).not.toBe(pid);
    expect(workerOf(run)).toBe(rig.pids[1]);
  });

  test('is told as failed by what its setup throws, and may be set up again', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const { life } = setUp(lease, { mood: 'throws' });
    expect(await life.ended).toEqual({
      kind: 'failed',
      reason: 'setup failed: the port is taken',
      guilty: true,
    });
    const again = setUp(lease, { mood: 'quiet' });
    await again.up;
  });

  test('that hangs in its setup loses its process after 30 s', async () => {
    const clock = new HeldClock();
    await using rig = new Rig({ clock });
    const lease = await rig.host.open('resident');
    await using folder = await PackageFolder.create();
    const notes = path.join(folder.path, 'notes');
    const { life } = setUp(lease, { mood: 'hangs', notes });
    await expect.poll(() => readFileSync(notes, { encoding: 'utf8', flag: 'a+' })).toContain('setup');
    const [pid = 0] = rig.pids;
    await clock.advance(30_000);
    // Its last words are waited for by the clock as well.
    await expect.poll(() => isAlive(pid)).toBe(false);
    await clock.advance(1_000);
    expect(await life.ended).toEqual({
      kind: 'failed',
      reason: 'setup took longer than 30 s',
      guilty: true,
    });
  });

  test.each([
    [{ mood: 'exits' }, 'exited with status 5'],
    [{ mood: 'throwsLater' }, 'threw outside its setup: boom from a listener'],
    [{ mood: 'leaks' }, /^out of memory \(limit 328 MiB/],
  ])('that goes wrong later is told how: %o', async (scope, reason) => {
    await using rig = new Rig({ memoryMiB: 72 });
    const lease = await rig.host.open('resident');
    const { life, up } = setUp(lease, scope);
    await up;
    const expected = typeof reason === 'string' ? reason : expect.stringMatching(reason);
    expect(await life.ended).toEqual({ kind: 'failed', reason: expected, guilty: true });
  });

  test('moves when another in its process throws, and is torn down before', async () => {
    await using rig = new Rig();
    await using folder = await PackageFolder.create();
    const notes = path.join(folder.path, 'notes');
    const lease = await rig.host.open('resident');
    const innocent = setUp(lease, { mood: 'quiet', notes });
    await innocent.up;
    const [pid = 0] = rig.pids;
    const guilty = setUp(lease, { mood: 'throwsLater' });
    expect(await guilty.life.ended).toMatchObject({ kind: 'failed', guilty: true });
    expect(await innocent.life.ended).toEqual({ kind: 'moved' });
    expect(readFileSync(notes, 'utf8')).toContain('gone edge');
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test('is innocent when another ends its process, and so are their runs', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const innocent = setUp(lease, { mood: 'quiet' });
    await innocent.up;
    const run = startRun(lease, { runs: 60_000 }, { request: { life: innocent.life } });
    await run.entered;
    const guilty = setUp(lease, { mood: 'exits' });
    const reason = 'its process ended because of another run: exited with status 5';
    expect(await innocent.life.ended).toEqual({ kind: 'failed', reason, guilty: false });
    expect(await run.outcome).toEqual({ kind: 'crashed', reason, innocent: true });
    expect(await guilty.life.ended).toMatchObject({ guilty: true });
    const late = startRun(lease, {}, { request: { life: innocent.life } });
    expect(await late.outcome).toMatchObject({ kind: 'crashed', innocent: true });
  });

  test('that does not end in time costs its process', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const { life, up } = setUp(lease, { mood: 'quiet', teardown: 'hangs' });
    await up;
    const [pid = 0] = rig.pids;
    life.end(100);
    expect(await life.ended).toEqual({ kind: 'ended' });
    expect(isAlive(pid)).toBe(false);
  });

  test('whose teardown throws is over all the same, and says so', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const { life, up, logs } = setUp(lease, { mood: 'quiet', teardown: 'throws' });
    await up;
    life.end(5_000);
    expect(await life.ended).toEqual({ kind: 'ended' });
    expect(logs).toEqual([{ level: 'warn', message: 'teardown failed: cannot let go' }]);
  });

  test('hands its last words over, puts failures on record, and takes no more when it is over', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const failing = setUp(lease, { mood: 'fails', teardown: 'ingests' });
    await failing.up;
    failing.life.end(5_000);
    await failing.life.ended;
    expect(failing.aside.failures).toEqual(['lost the connection']);
    expect(failing.logs).toEqual([{ level: 'warn', message: 'trying again' }]);
    expect(failing.aside.ingests[0]?.entities()).toMatchObject([{ device: { name: 'last words' } }]);
  });

  test('that spins is ended although it has no run', async () => {
    const clock = new HeldClock();
    await using rig = new Rig({ clock });
    const lease = await rig.host.open('resident');
    await using folder = await PackageFolder.create();
    const notes = path.join(folder.path, 'notes');
    const { life } = setUp(lease, { mood: 'spins', notes });
    await expect.poll(() => readFileSync(notes, { encoding: 'utf8', flag: 'a+' })).toContain('setup');
    const [pid = 0] = rig.pids;
    for (let beat = 0; beat < 4; beat++) await clock.advance(5_000);
    await expect.poll(() => isAlive(pid)).toBe(false);
    await clock.advance(1_000);
    expect(await life.ended).toMatchObject({ kind: 'failed', guilty: true });
  });

  test.each([
    ['{"type":"down","life":99,"reason":null}', /does not live in it$/],
    ['{"type":"ingest","run":99,"id":1}', /run that it does not have$/],
    ['{"type":"failure","run":99,"reason":""}', /run that it does not have$/],
    ['{"type":"offer","run":1,"bytes":1}', /run that it does not have$/],
  ])('that lies is ended: %s', async (json, reason) => {
    await using rig = new Rig();
    const lease = await rig.host.open('resident');
    const { life } = setUp(lease, { mood: 'says', json });
    expect(await life.ended).toMatchObject({ kind: 'failed', reason: expect.stringMatching(reason) });
  });
});

test('the listener of the README hears', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const source = /```ts\n(import \{ createSocket.*?)```/s.exec(readme)?.[1] ?? '';
  await using folder = await PackageFolder.create();
  await folder.add('ears', { 'index.ts': source }, { exports: './index.ts' });
  const modules = path.join(import.meta.dirname, '../../node_modules');
  symlinkSync(modules, path.join(folder.path, 'node_modules'));
  await using rig = new Rig({ backendsDirs: [folder.path] });
  const lease = await rig.host.open('ears');
  const port = await freePort();
  const { life, up, aside } = setUp(lease, { port });
  await up;
  const socket = createSocket('udp4');
  socket.send('r1', port, '127.0.0.1');
  await expect.poll(() => aside.ingests[0]?.entities()).toMatchObject([{ device: { name: 'r1' } }]);
  socket.close();
  life.end(5_000);
  expect(await life.ended).toEqual({ kind: 'ended' });
});
