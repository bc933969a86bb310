import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { openRun } from '../../src/run/open-run.ts';
import { retryAtOf } from '../../src/run/retries.ts';
import { SinkError } from '../../src/sink/contract.ts';
import { HeldClock } from '../support/held-clock.ts';
import { openWarmHost, Runs } from './support.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const away = new SinkError('unavailable', 'Diode is away');
const retry = { times: 2, backoffMs: 10_000 };

/** A backend that yields, and then waits until the gate is open. */
function heldUp(runs: Runs) {
  const gate = runs.gate();
  const steps = [
    ['yield', 2],
    ['until file', gate.path],
  ] as const;
  return { gate, steps };
}

describe('a run that could not be delivered for a while', () => {
  test('is run again after a while, as a run that names it', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock, patienceMs: 20 });
    runs.sink.failure = away;
    const run = await runs.finished(runs.fire(await runs.policy('edge', [['yield', 2]], { retry }), 1_234));
    expect(run).toMatchObject({ status: 'failed', retries: 0, retryAt: clock.now() + 10_000 });
    expect(run.reason).toContain('Diode is away');
    runs.sink.failure = undefined;
    const opened = runs.next('run:opened');
    await clock.advance(10_000);
    const { run: again } = await opened;
    expect(again).toMatchObject({ trigger: 'retry', retryOf: run.id, retries: 1, dueAt: 1_234 });
    expect(await runs.finished(again)).toMatchObject({
      status: 'completed',
      entityCount: 2,
      retryAt: undefined,
    });
    expect(clock.pending).toBe(0);
  });

  test('is not, when its policy has no retries left, is deleted or replaced, or the daemon stops', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock, patienceMs: 20 });
    runs.sink.failure = away;
    const steps = [['yield', 2]] as const;
    const none = await runs.policy('none', steps);
    expect((await runs.finished(runs.fire(none))).retryAt).toBeUndefined();
    const deleted = await runs.policy('deleted', steps, { retry });
    await runs.finished(runs.fire(deleted));
    expect(clock.pending).toBe(1);
    await runs.coordinator.cancel(deleted, 'the policy was deleted', 0);
    expect(clock.pending).toBe(0);
    const replaced = await runs.policy('replaced', steps, { retry });
    await runs.finished(runs.fire(replaced));
    await runs.coordinator.retire(replaced, 'the policy was replaced');
    expect(clock.pending).toBe(0);
    await runs.finished(runs.fire(await runs.policy('stopped', steps, { retry })));
    expect(clock.pending).toBe(1);
    const stopped = runs.coordinator.stop(0);
    await clock.advance(1_000);
    await stopped;
    expect(clock.pending).toBe(0);
  });

  test('is skipped when another run of its policy is at work by then', async () => {
    const clock = new HeldClock();
    await using runs = new Runs({ host, clock, patienceMs: 20 });
    runs.sink.failure = away;
    const { gate, steps } = heldUp(runs);
    const policy = await runs.policy('edge', steps, { retry });
    const run = await runs.finished(runs.fire(policy));
    expect(run.retryAt).toBeDefined();
    runs.sink.failure = undefined;
    await runs.reaches(runs.fire(policy), 'running');
    const opened = runs.next('run:opened');
    await clock.advance(10_000);
    expect((await opened).run).toMatchObject({ status: 'skipped', retryOf: run.id });
    gate.open();
  });
});

test('of a policy that is owed one run, only that one waits for others: the retry of one on request does not', async () => {
  const clock = new HeldClock();
  await using runs = new Runs({ host, clock, patienceMs: 20 });
  runs.sink.failure = away;
  const { gate, steps } = heldUp(runs);
  const policy = await runs.policy('once', steps, { kind: 'once', retry: { times: 1, backoffMs: 10_000 } });
  const asked = await runs.finished(runs.coordinator.submit(policy));
  expect(asked).toMatchObject({ status: 'failed', retryAt: clock.now() + 10_000 });
  runs.sink.failure = undefined;
  const owed = await runs.reaches(runs.fire(policy, clock.now(), 'once'), 'running');
  const opened = runs.next('run:opened');
  await clock.advance(10_000);
  expect((await opened).run).toMatchObject({ status: 'skipped', retryOf: asked.id, origin: 'submit' });
  gate.open();
  expect(await runs.finished(owed)).toMatchObject({ status: 'completed', origin: 'once' });
});

test("a run that failed by its backend's own fault is not run again", async () => {
  await using runs = new Runs({ host, patienceMs: 20 });
  const quick = { times: 2, backoffMs: 1 };
  for (const step of [
    ['throw', 'no route'],
    ['exit', 3],
  ] as const) {
    const run = await runs.finished(runs.fire(await runs.policy(step[0], [step], { retry: quick })));
    expect(run).toMatchObject({ status: 'failed', retryAt: undefined });
  }
  runs.sink.failure = new SinkError('rejected', 'entity at index 0 is nil', { refusal: { of: 'all' } });
  const refused = await runs.finished(
    runs.fire(await runs.policy('refused', [['yield', 1]], { retry: quick })),
  );
  expect(refused).toMatchObject({ status: 'failed', retryAt: undefined });
  await pause(20);
  expect(runs.seen.filter(({ name }) => name === 'run:opened')).toHaveLength(3);
});

test('each further retry waits twice as long, up to an hour or what the policy says', async () => {
  await using runs = new Runs({ host });
  const policy = await runs.policy('edge', []);
  const at = (retries: number, backoffMs: number): number | undefined =>
    retryAtOf(
      openRun(policy, 'cron', { sequence: 1, dueAt: 0, now: 0, repeats: undefined, retries }),
      { times: 50, backoffMs },
      0,
    );
  expect([0, 1, 2, 3].map((retries) => at(retries, 10_000))).toEqual([10_000, 20_000, 40_000, 80_000]);
  expect(at(49, 10_000)).toBe(3_600_000);
  expect(at(49, 86_400_000)).toBe(86_400_000);
  expect(at(50, 10_000)).toBeUndefined();
});
