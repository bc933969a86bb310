import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { Rig, startRun } from './rig.ts';

let rig: Rig;
let hostile: BackendLease;

beforeAll(async () => {
  rig = new Rig();
  hostile = await rig.host.open('hostile');
});
afterAll(() => rig.host.stop());

describe('cancelling', () => {
  test('a run that honours its signal costs nobody anything', async () => {
    const [child] = rig.pids;
    const run = startRun(hostile, { mood: 'waits' });
    await run.entered;
    run.execution.cancel(10_000);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: false });
    expect(rig.pids).toContain(child);
  });

  test.each(['yieldsForEver', 'yieldsForEverAtOnce'])(
    'ends a generator that never waits: %s',
    async (mood) => {
      const run = startRun(hostile, { mood });
      await run.entered;
      run.execution.cancel(10_000);
      expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: false });
    },
  );

  test('a run that was not handed to a child yet ends at once', async () => {
    const run = startRun(hostile, { mood: 'waits' }, { request: { alone: true } });
    run.execution.cancel(10_000);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: false });
  });

  test.each(['ignoresSignal', 'spins'])('cuts off what does not stop: %s', async (mood) => {
    const run = startRun(hostile, { mood });
    await run.entered;
    const atWork = rig.host.children().filter(({ runs }) => runs > 0);
    run.execution.cancel(600_000);
    run.execution.cancel(50);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: true });
    expect(atWork).toHaveLength(1);
    for (const { pid } of atWork) expect(isAlive(pid)).toBe(false);
  });

  test('tells innocent runs of a child that was cut off that they may be run again', async () => {
    // On a clock that stands still both are in the same child: it is never late.
    const clock = new HeldClock();
    await using held = new Rig({ clock });
    const lease = await held.host.open('hostile');
    const innocent = startRun(lease, { mood: 'waits' });
    await innocent.entered;
    const stubborn = startRun(lease, { mood: 'ignoresSignal' });
    await stubborn.entered;
    stubborn.execution.cancel(10);
    await clock.advance(10);
    expect(await stubborn.outcome).toEqual({ kind: 'cancelled', cutOff: true });
    expect(await innocent.outcome).toEqual({
      kind: 'crashed',
      reason: 'its process was ended because another run did not stop',
      innocent: true,
    });
  });

  test('spares the child when the run only waits for room', async () => {
    const asked = Promise.withResolvers<void>();
    const never = new Promise<void>(() => undefined);
    const reserve = (): Promise<void> => {
      asked.resolve();
      return never;
    };
    const held = startRun(hostile, { mood: 'yieldsForEver' }, { handlers: { reserve } });
    await asked.promise;
    const [child] = rig.host.children().filter(({ runs }) => runs > 0);
    held.execution.cancel(100);
    expect(await held.outcome).toEqual({ kind: 'cancelled', cutOff: false });
    expect(rig.pids).toContain(child?.pid);
  });

  test('does not call it returned when its last batch found no room', async () => {
    const asked = Promise.withResolvers<void>();
    const never = new Promise<void>(() => undefined);
    const reserve = (): Promise<void> => {
      asked.resolve();
      return never;
    };
    const run = startRun(hostile, { mood: 'burns', ms: 0 }, { handlers: { reserve } });
    await asked.promise;
    run.execution.cancel(20);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: false });
  });

  test('goes by the first outcome, however often it is asked for', async () => {
    const run = startRun(hostile, { mood: 'doesNothing' });
    expect(await run.outcome).toEqual({ kind: 'returned' });
    run.execution.cancel(0);
    expect(await run.outcome).toEqual({ kind: 'returned' });
  });
});
