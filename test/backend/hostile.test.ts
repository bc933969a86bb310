import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { backendSource, PackageFolder, Rig, startRun, type WatchedRun } from './rig.ts';

interface Pair extends AsyncDisposable {
  readonly rig: Rig;
  readonly lease: BackendLease;
  readonly innocent: WatchedRun;
  readonly guilty: WatchedRun;
  /** The child that both are in. */
  readonly pid: number;
  /** Lets the innocent run end. */
  readonly release: () => void;
}

/** One child in which a well-behaved run waits for room, and another run is up to no good. */
async function besideAnInnocent(scope: object): Promise<Pair> {
  // On a clock that stands still no child is ever late, so that there is never need for a second one.
  const rig = new Rig({ clock: new HeldClock() });
  const lease = await rig.host.open('hostile');
  const [pid = 0] = rig.pids;
  const asked = Promise.withResolvers<void>();
  const room = Promise.withResolvers<void>();
  const reserve = (): Promise<void> => {
    asked.resolve();
    return room.promise;
  };
  const innocent = startRun(lease, { mood: 'burns', ms: 0 }, { handlers: { reserve } });
  await asked.promise;
  const guilty = startRun(lease, scope);
  return {
    rig,
    lease,
    innocent,
    guilty,
    pid,
    release: room.resolve,
    [Symbol.asyncDispose]: () => rig.host.stop(),
  };
}

describe('a run that ends its process', () => {
  test.each([
    [{ mood: 'exits', status: 3 }, 'exited with status 3'],
    [{ mood: 'aborts' }, 'killed by SIGABRT'],
  ])('is found out, and its neighbour is innocent: %o', async (scope, reason) => {
    await using pair = await besideAnInnocent(scope);
    const { innocent, guilty, pid } = pair;
    expect(await guilty.outcome).toEqual({ kind: 'crashed', reason, innocent: false });
    expect(await innocent.outcome).toEqual({
      kind: 'crashed',
      reason: `its process ended because of another run: ${reason}`,
      innocent: true,
    });
    expect(isAlive(pid)).toBe(false);
  });

  test.each([
    [{ mood: 'killsItself', signal: 'SIGSEGV' }, /^killed by SIGSEGV$/],
    [
      { mood: 'writesRubbish' },
      /^broke the rules of its channel: a frame of no known kind$|^broke the rules/,
    ],
    [{ mood: 'closesChannel' }, /^closed its channel$/],
    [
      { mood: 'sendsBatch' },
      /^broke the rules of its channel: a batch frame of 108 bytes, more than is allowed now$/,
    ],
    [{ mood: 'sendsMessage', json: '{"type":"returned","runs":[99]}' }, /run that it does not have$/],
    [
      {
        mood: 'sendsMessage',
        json: '{"type":"described","id":9,"description":{"name":"a","app_name":"b","app_version":"c"},"isResident":false}',
      },
      /no question$/,
    ],
    [{ mood: 'sendsMessage', json: '{"type":"turned","runs":7}' }, /that it was not handed$/],
    [{ mood: 'sendsMessage', json: '{' }, /not JSON$/],
    [
      { mood: 'sendsMessage', json: '{"type":"log","run":1,"level":"info","message":"!"}', times: 2_000 },
      /more reports than a run may send$/,
    ],
    [
      { mood: 'sendsMessage', json: '{"type":"leaving","run":null}', times: 2_000 },
      /too many messages that concern no run$/,
    ],
    [
      { mood: 'sendsMessage', json: '{"type":"offer","run":1,"bytes":99000000}' },
      /a batch was offered that cannot be$/,
    ],
  ])('alone in it is the culprit: %o', async (scope, reason) => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const run = startRun(lease, scope);
    expect(await run.outcome).toEqual({
      kind: 'crashed',
      reason: expect.stringMatching(reason),
      innocent: false,
    });
  });

  test('by a signal leaves nobody but suspects: all may be run again', async () => {
    await using pair = await besideAnInnocent({ mood: 'killsItself', signal: 'SIGKILL' });
    const { innocent, guilty } = pair;
    const crashed = { kind: 'crashed', reason: 'killed by SIGKILL', innocent: true };
    expect(await guilty.outcome).toEqual(crashed);
    expect(await innocent.outcome).toEqual(crashed);
  });

  test('by its hunger is told the limit', async () => {
    await using rig = new Rig({ memoryMiB: 48 });
    const lease = await rig.host.open('hostile');
    const run = startRun(lease, { mood: 'allocates' });
    expect(await run.outcome).toEqual({
      kind: 'crashed',
      reason: 'out of memory (limit 48 MiB)',
      innocent: false,
    });
  });
});

describe('a throw that nobody can catch', () => {
  test.each([
    ['throwsFromTimer', 'threw outside its run: boo from a timer'],
    ['rejects', 'threw outside its run: nobody listens'],
    ['logsAndThrows', 'threw outside its run: boo after many words'],
  ])('fails the run that it came from, and no other: %s', async (mood, reason) => {
    await using pair = await besideAnInnocent({ mood });
    const { lease, innocent, guilty, pid, release } = pair;
    expect(await guilty.outcome).toEqual({ kind: 'failed', reason });
    const next = startRun(lease, { mood: 'burns', ms: 0 });
    release();
    expect(await innocent.outcome).toEqual({ kind: 'returned' });
    expect(await next.outcome).toEqual({ kind: 'returned' });
    expect(next.entities()).not.toMatchObject([{ device: { name: `by ${pid}` } }]);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test('from a listener of its signal belongs to the run that was cancelled', async () => {
    await using pair = await besideAnInnocent({ mood: 'throwsWhenAborted' });
    const { innocent, guilty, release } = pair;
    await guilty.entered;
    guilty.execution.cancel(10_000);
    expect(await guilty.outcome).toEqual({
      kind: 'failed',
      reason: 'threw outside its run: boo from a listener',
    });
    release();
    expect(await innocent.outcome).toEqual({ kind: 'returned' });
  });

  test('from a run that was over is logged, and the process takes no more runs', async () => {
    await using pair = await besideAnInnocent({ mood: 'throwsAfterItsRun' });
    const { rig, innocent, guilty, pid, release } = pair;
    expect(await guilty.outcome).toEqual({ kind: 'returned' });
    await expect
      .poll(() => rig.lines)
      .toContainEqual(
        expect.objectContaining({
          msg: 'A run that was over threw outside its run: boo from the past',
          package: 'hostile',
        }),
      );
    release();
    expect(await innocent.outcome).toEqual({ kind: 'returned' });
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

describe('a run that is over', () => {
  test('reports nothing any more, and disturbs nobody', async () => {
    await using pair = await besideAnInnocent({ mood: 'reportsAfterItsRun' });
    const { rig, lease, innocent, guilty, pid, release } = pair;
    expect(await guilty.outcome).toEqual({ kind: 'returned' });
    expect(await startRun(lease, { mood: 'waitsFor', ms: 60 }).outcome).toEqual({ kind: 'returned' });
    release();
    expect(await innocent.outcome).toEqual({ kind: 'returned' });
    expect(guilty.logs).toEqual([]);
    expect(rig.pids).toEqual([pid]);
  });
});

describe('a run that spins', () => {
  test('holds up nobody else', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const spinning = startRun(lease, { mood: 'spins' });
    await spinning.entered;
    const others = [1, 2, 3].map(() => startRun(lease, { mood: 'doesNothing' }));
    for (const other of others) expect(await other.outcome).toEqual({ kind: 'returned' });
    const again = await rig.host.open('hostile');
    expect(again.description.name).toBe('hostile');
    spinning.execution.cancel(0);
    expect(await spinning.outcome).toEqual({ kind: 'cancelled', cutOff: true });
  });
});

describe('a run that does not wait', () => {
  test('lets its neighbours, their timers and their logs go on', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const greedy = startRun(lease, { mood: 'yieldsForEver' });
    await greedy.entered;
    const neighbours = [1, 2, 3].map(() => startRun(lease, { mood: 'waitsFor', ms: 50 }));
    for (const neighbour of neighbours) expect(await neighbour.outcome).toEqual({ kind: 'returned' });
    greedy.execution.cancel(1_000);
    expect(await greedy.outcome).toEqual({ kind: 'cancelled', cutOff: false });
  });
});

describe('what a child writes', () => {
  test('becomes log lines of its package, within bounds', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const run = startRun(lease, { mood: 'writesOutput', lines: 1, length: 100_000 });
    await run.outcome;
    await expect
      .poll(() => rig.lines)
      .toContainEqual(
        expect.objectContaining({ level: 30, msg: `${'x'.repeat(8_192)}… (cut off)`, package: 'hostile' }),
      );
  });

  test('in floods is dropped and counted', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const run = startRun(lease, { mood: 'writesOutput', lines: 20_000, length: 20 });
    await run.outcome;
    await expect
      .poll(() => rig.lines.map(({ msg }) => msg), { timeout: 3_000 })
      .toContainEqual(expect.stringMatching(/^\d+ lines were dropped: too many in a second$/));
    expect(rig.lines.length).toBeLessThan(1_000);
  });
});

describe('a child that no longer reads', () => {
  test('is sent no more than fits, and its runs can be cut off', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const [pid = 0] = rig.pids;
    process.kill(pid, 'SIGSTOP');
    const runs = Array.from({ length: 200 }, () =>
      startRun(lease, { mood: 'doesNothing', padding: 'x'.repeat(100_000) }),
    );
    const outcomes = await Promise.all(runs.slice(1).map(({ outcome }) => outcome));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['returned']));
    runs[0]?.execution.cancel(0);
    expect(await runs[0]?.outcome).toEqual({ kind: 'cancelled', cutOff: true });
    await sleep(0);
    expect(isAlive(pid)).toBe(false);
  });
});

describe('a run that puts its own in the place of what all code uses', () => {
  const TAMPERS = backendSource(
    'run({ scope }) { if (scope !== null) globalThis[scope] = () => undefined; return []; },',
  );

  test.each([
    'setTimeout',
    'clearTimeout',
    'setImmediate',
    'queueMicrotask',
    'Promise',
    'performance',
    'JSON',
  ])('ends all the same, and the next has another process: %s', async (name) => {
    await using folder = await PackageFolder.create();
    await folder.add('tampers', { 'index.js': TAMPERS });
    await using rig = new Rig({ backendsDirs: [folder.path] });
    const lease = await rig.host.open('tampers');
    const [pid] = rig.pids;
    expect(await startRun(lease, name).outcome).toEqual({ kind: 'returned' });
    await expect.poll(() => rig.pids).not.toContain(pid);
    expect(rig.lines).toContainEqual(
      expect.objectContaining({
        msg: `A process takes no more runs, because its runs changed ${name}`,
      }),
    );
    expect(await startRun(lease, null).outcome).toEqual({ kind: 'returned' });
  });
});
