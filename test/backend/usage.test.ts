import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { UsageMeter } from '../../src/backend/process-usage.ts';
import { systemClock } from '../../src/clock.ts';
import { HeldClock } from '../support/held-clock.ts';
import { Rig, startRun } from './rig.ts';

const MIB = 2 ** 20;

async function usageOf(lease: BackendLease, scope: unknown) {
  const run = startRun(lease, scope);
  await run.outcome;
  return run.execution.usage;
}

describe('what the process of a run uses', () => {
  test('is told when the run is over', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const usage = await usageOf(lease, { mood: 'burns', ms: 300 });
    expect(usage?.isShared).toBe(false);
    expect(usage?.cpuMs).toBeGreaterThan(0);
    expect(usage?.cpuMs).toBeLessThan(2_000);
    expect(usage?.peakBytes).toBeGreaterThan(20 * MIB);
    expect(usage?.peakBytes).toBeLessThan(400 * MIB);
  });

  test('does not count what was used before', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    const busy = await usageOf(lease, { mood: 'burns', ms: 300 });
    const idle = await usageOf(lease, { mood: 'waitsFor', ms: 50 });
    expect(idle?.cpuMs).toBeLessThan(100);
    expect(idle?.peakBytes).toBeGreaterThanOrEqual(busy?.peakBytes ?? Number.NaN);
  });

  test('is of all its runs where it is shared, and says so', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    // More than there may be processes for.
    const runs = Array.from({ length: 4 * availableParallelism() + 1 }, () =>
      startRun(lease, { mood: 'waitsFor', ms: 100 }),
    );
    await Promise.all(runs.map((run) => run.outcome));
    expect(runs.map((run) => run.execution.usage?.isShared)).toContain(true);
    expect(await usageOf(lease, { mood: 'waitsFor', ms: 1 })).toMatchObject({ isShared: false });
  });

  test('is what was last seen of a process that ran out of memory', async () => {
    await using rig = new Rig({ memoryMiB: 64 });
    const lease = await rig.host.open('hostile');
    const usage = await usageOf(lease, { mood: 'allocates' });
    expect(usage?.peakBytes).toBeGreaterThan(40 * MIB);
  });

  test('is not told of a run that never began', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('hostile');
    await rig.host.stop();
    const run = startRun(lease, { mood: 'waits' });
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: false });
    expect(run.execution.usage).toBeUndefined();
  });
});

describe('a meter', () => {
  test('reads a process again after a moment only', async () => {
    const clock = new HeldClock();
    const meter = new UsageMeter(process.pid, clock);
    const first = meter.read();
    expect(first?.peakKiB).toBeGreaterThanOrEqual(first?.residentKiB ?? Number.NaN);
    const endsAt = performance.now() + 60;
    while (performance.now() < endsAt);
    expect(meter.read()).toBe(first);
    await clock.advance(5);
    expect(meter.read()?.cpuMs).toBeGreaterThan(first?.cpuMs ?? Number.NaN);
  });

  test('knows nothing of a process that is not there', () => {
    const meter = new UsageMeter(2 ** 22 + 1, systemClock);
    expect([meter.read(), meter.last]).toEqual([undefined, undefined]);
  });
});
