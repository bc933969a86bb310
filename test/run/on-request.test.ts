import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { ConflictError, UnavailableError } from '../../src/errors.ts';
import { HeldClock } from '../support/held-clock.ts';
import { openWarmHost, Runs } from './support.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const ASKED = 'cancelled on request';

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a run that somebody asks for', () => {
  test('starts at once', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['yield', 2]]);
    const run = runs.coordinator.submit(policy);
    expect(run).toMatchObject({ trigger: 'submit', status: 'pending', dueAt: run.createdAt });
    expect(await runs.finished(run)).toMatchObject({ status: 'completed', entityCount: 2 });
  });

  test('overlap skip: is refused while one is at work, and leaves no run behind', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['until cancelled']]);
    const first = runs.coordinator.submit(policy);
    const refusal = thrownBy(() => runs.coordinator.submit(policy));
    expect(refusal).toBeInstanceOf(ConflictError);
    expect(refusal).toMatchObject({
      message: "policy 'edge' cannot be run now: maximum number of running instances reached (1)",
    });
    expect(runs.history.latest('edge', 5)).toEqual([first]);
  });

  test('overlap queue_one: one waits, the next is refused', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const policy = await runs.policy('edge', [['until file', gate.path]], { overlap: 'queue_one' });
    const [first, second] = [runs.coordinator.submit(policy), runs.coordinator.submit(policy)];
    expect(thrownBy(() => runs.coordinator.submit(policy))).toBeInstanceOf(ConflictError);
    await runs.reaches(first, 'running');
    expect(second.status).toBe('pending');
    gate.open();
    expect(await runs.finished(second)).toMatchObject({ status: 'completed', trigger: 'submit' });
  });

  test('overlap allow: runs beside the others', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['until cancelled']], { overlap: 'allow' });
    const both = [runs.coordinator.submit(policy), runs.coordinator.submit(policy)];
    for (const run of both) expect((await runs.reaches(run, 'running')).status).toBe('running');
  });

  test.each(['skip', 'queue_one'] as const)(
    'overlap %s: costs a policy its only run never',
    async (overlap) => {
      await using runs = new Runs({ host });
      const gate = runs.gate();
      const policy = await runs.policy('edge', [['until file', gate.path]], { overlap });
      const submitted = [runs.coordinator.submit(policy)];
      if (overlap === 'queue_one') submitted.push(runs.coordinator.submit(policy));
      const only = runs.fire(policy, undefined, 'once');
      expect(only.status).toBe('pending');
      gate.open();
      for (const run of [...submitted, only]) expect((await runs.finished(run)).status).toBe('completed');
    },
  );

  test('is refused while the daemon stops', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', []);
    await runs.coordinator.stop(0);
    expect(thrownBy(() => runs.coordinator.submit(policy))).toBeInstanceOf(UnavailableError);
  });
});

describe('cancelling one run', () => {
  test('at work: its backend is told, and what it yielded before is delivered', async () => {
    await using runs = new Runs({ host });
    const policy = await runs.policy('edge', [['yield', 2], ['until cancelled']]);
    const delivered = runs.next('batch:delivered');
    const run = runs.fire(policy);
    await delivered;
    expect(runs.coordinator.cancelRun(run.id, ASKED)).toBe(run);
    expect(await runs.finished(run)).toMatchObject({ status: 'cancelled', reason: ASKED, entityCount: 2 });
    expect(runs.coordinator.cancelRun(run.id, ASKED)).toBeUndefined();
  });

  test('at work with a receiver that is away: what it yielded is given up after a moment, and counted', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock });
    runs.sink.hold();
    const policy = await runs.policy('edge', [['yield', 2], ['until cancelled']]);
    const run = runs.fire(policy);
    await vi.waitUntil(() => runs.delivery.totals().waitingEntities === 2, { timeout: 15_000, interval: 2 });
    runs.coordinator.cancelRun(run.id, ASKED);
    await runs.reaches(run, 'delivering');
    await clock.advance(10_000);
    expect(await runs.finished(run)).toMatchObject({
      status: 'cancelled',
      reason: `${ASKED}; not delivered: 1 batches with 2 entities`,
    });
    expect(clock.pending).toBe(0);
  });

  test('delivering: is given up at once, and counted', async () => {
    await using runs = new Runs({ host });
    runs.sink.hold();
    const run = runs.fire(await runs.policy('edge', [['yield', 3]]));
    await runs.reaches(run, 'delivering');
    expect(runs.coordinator.cancelRun(run.id, ASKED)).toBe(run);
    expect(await runs.finished(run)).toMatchObject({
      status: 'cancelled',
      reason: `${ASKED}; not delivered: 1 batches with 3 entities`,
      entityCount: 0,
    });
  });

  test('waiting for another run, or for a place: ends at once, and its turn goes to the next', async () => {
    await using runs = new Runs({ host, concurrency: 1 });
    const gate = runs.gate();
    const busy = await runs.policy('busy', [['until file', gate.path]], { overlap: 'queue_one' });
    const other = await runs.policy('other', []);
    const atWork = runs.fire(busy);
    const [queued, noPlace] = [runs.fire(busy), runs.fire(other)];
    const next = runs.fire(await runs.policy('next', []));
    for (const run of [queued, noPlace]) {
      expect(runs.coordinator.cancelRun(run.id, ASKED)).toMatchObject({ status: 'cancelled', reason: ASKED });
    }
    const queuedLater = runs.fire(busy);
    gate.open();
    for (const run of [atWork, next, queuedLater]) {
      expect((await runs.finished(run)).status).toBe('completed');
    }
  });

  test('that is not known does nothing', async () => {
    await using runs = new Runs({ host });
    expect(runs.coordinator.cancelRun('nonsense', ASKED)).toBeUndefined();
  });
});

describe('a policy that takes the place of another', () => {
  test('lets its run end, and the next one counts as an overlap until then', async () => {
    await using runs = new Runs({ host });
    const gate = runs.gate();
    const old = await runs.policy('edge', [['until file', gate.path]]);
    const fresh = await runs.policy('edge', [], { overlapGroup: old.overlapGroup });
    const running = runs.fire(old);
    await runs.reaches(running, 'running');
    let isOver = false;
    const retired = runs.coordinator.retire(old, 'replaced').then(() => {
      isOver = true;
    });
    expect(runs.fire(fresh)).toMatchObject({ status: 'skipped' });
    expect(isOver).toBe(false);
    gate.open();
    expect(await runs.finished(running)).toMatchObject({ status: 'completed' });
    await retired;
    expect(await runs.finished(runs.fire(fresh))).toMatchObject({ status: 'completed' });
  });

  test('cancels what of the old one has not begun', async () => {
    await using runs = new Runs({ host });
    const old = await runs.policy('edge', [['until cancelled']], { overlap: 'queue_one' });
    const running = runs.fire(old);
    const queued = runs.fire(old);
    await runs.reaches(running, 'running');
    const retired = runs.coordinator.retire(old, 'replaced');
    expect(queued).toMatchObject({ status: 'cancelled', reason: 'replaced' });
    expect(running.status).toBe('running');
    await runs.coordinator.cancel(old, ASKED, 1_000);
    await retired;
  });

  test('does not keep what comes after it from ending with its policy', async () => {
    await using runs = new Runs({ host });
    const old = await runs.policy('edge', [['until cancelled']], { overlap: 'allow' });
    const fresh = await runs.policy('edge', [['until cancelled']], {
      overlap: 'allow',
      overlapGroup: old.overlapGroup,
    });
    const all = [runs.fire(old), runs.fire(fresh)];
    for (const run of all) await runs.reaches(run, 'running');
    await runs.coordinator.cancel(fresh, 'the policy was deleted', 1_000);
    for (const run of all) expect((await runs.finished(run)).status).toBe('cancelled');
  });

  test('resolves at once without runs', async () => {
    await using runs = new Runs({ host });
    await runs.coordinator.retire(await runs.policy('edge', []), 'replaced');
  });
});
