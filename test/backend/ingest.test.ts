import { describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { isAlive } from '../support/real-daemon.ts';
import { Aside, Rig, startRun, type WatchedRun } from './rig.ts';

const named = (...names: string[]): object[] => names.map((name) => ({ device: { name } }));

/** A run of a backend that hands entities over beside it; `prepare` says how the daemon takes that. */
async function runWith(
  lease: BackendLease,
  scope: object,
  prepare: (aside: Aside) => void = () => undefined,
): Promise<{ run: WatchedRun; aside: Aside }> {
  const aside = new Aside();
  prepare(aside);
  const run = startRun(lease, scope, { handlers: aside.handlers });
  await run.outcome;
  return { run, aside };
}

describe('entities outside of the schedule', () => {
  test('are a run of their own, and kept when their promise resolves', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run, aside } = await runWith(lease, { mood: 'array', names: ['a', 'b'] });
    expect(aside.ingests.map((one) => one.entities())).toMatchObject([named('a', 'b')]);
    expect(await aside.ingests[0]?.ingest.outcome).toEqual({ kind: 'returned' });
    expect(run.entities()).toMatchObject(named('kept'));
    expect(aside.ingests[0]?.batches[0]?.run.runId).not.toBe(run.batches[0]?.run.runId);
  });

  test('may come from an array that goes on to be used, and from a generator', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const changed = await runWith(lease, { mood: 'changedArray' });
    expect(changed.aside.ingests[0]?.entities()).toMatchObject(named('a', 'b'));
    const generated = await runWith(lease, { mood: 'generator', count: 5_000 });
    expect(generated.aside.ingests[0]?.entities()).toHaveLength(5_000);
    expect(generated.run.entities()).toMatchObject(named('kept'));
  });

  test.each([
    ['nothing', undefined],
    ['nothing', null],
    ['a number', 5],
    ['a string', 'device'],
    ['an object that is not iterable', { device: { name: 'alone' } }],
  ])('are refused when they are %s, and no run is opened', async (what, value) => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run, aside } = await runWith(lease, { mood: 'rubbish', value });
    const message = `ingest() was given ${what}, expected entities: a list or an iterable`;
    expect(run.entities()).toMatchObject(named(message));
    expect(aside.ingests).toEqual([]);
  });

  test('in an array are handed over all or not at all', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run, aside } = await runWith(lease, { mood: 'badEntity', count: 10_000 });
    expect(aside.ingests[0]?.batches).toEqual([]);
    expect(await aside.ingests[0]?.ingest.outcome).toMatchObject({ kind: 'failed' });
    expect(JSON.stringify(run.entities())).toContain('nmae');
  });

  test('of a stream that breaks are handed over as far as their batches were closed', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run, aside } = await runWith(lease, { mood: 'badStream', count: 10_000 });
    expect(aside.ingests[0]?.batches.length).toBeGreaterThan(0);
    expect(await aside.ingests[0]?.ingest.outcome).toEqual({ kind: 'failed', reason: 'the stream broke' });
    expect(run.entities()).toMatchObject(named('the stream broke'));
  });

  test('are rejected with what the daemon says', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const scope = { mood: 'array', names: ['a'] };
    const refused = await runWith(lease, scope, (aside) => {
      aside.refusal = '1 of 1 entities rejected';
    });
    expect(refused.run.entities()).toMatchObject(named('1 of 1 entities rejected'));
    const closed = await runWith(lease, scope, (aside) => {
      aside.closedFor = 'the policy was deleted';
    });
    expect(closed.run.entities()).toMatchObject(named('the policy was deleted'));
  });

  test('are held back while there is no room, and cancelled with what the daemon says', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const aside = new Aside();
    const asked = Promise.withResolvers<void>();
    aside.reserve = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    const run = startRun(lease, { mood: 'endless' }, { handlers: aside.handlers });
    await asked.promise;
    aside.ingests[0]?.ingest.cancel(500);
    expect(await aside.ingests[0]?.ingest.outcome).toEqual({ kind: 'cancelled', cutOff: false });
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.entities()).toMatchObject(named('cancelled by the test', 'returned: true'));
  });

  test('go on when the run that began them is over, and their process waits for them', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { aside } = await runWith(lease, { mood: 'goesOn', ms: 300 });
    const [pid = 0] = rig.pids;
    lease.close();
    expect(await aside.ingests[0]?.ingest.outcome).toEqual({ kind: 'returned' });
    expect(aside.ingests[0]?.entities()).toMatchObject(named('early', 'late'));
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test('do not come from a run that is over', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { aside } = await runWith(lease, { mood: 'afterItsRun', ms: 20 });
    await expect
      .poll(() => rig.lines.map(({ msg }) => msg))
      .toContain('the run is over: it takes no more entities');
    expect(aside.ingests).toEqual([]);
  });

  test('of an ended process have crashed, through no fault of their own', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run, aside } = await runWith(lease, { mood: 'exits' });
    const reason = 'exited with status 3';
    expect(await run.outcome).toEqual({ kind: 'crashed', reason, innocent: false });
    expect(await aside.ingests[0]?.ingest.outcome).toEqual({
      kind: 'crashed',
      reason: `its process ended because of another run: ${reason}`,
      innocent: true,
    });
  });
});

describe('thousands of ingests', () => {
  test('begin in their turn, and each is kept', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run, aside } = await runWith(lease, { mood: 'many', count: 2_000 });
    expect(run.entities()).toMatchObject(named('2000 kept'));
    expect(aside.ingests).toHaveLength(2_000);
  });

  test('at once are refused beyond those that may wait, and nobody is hurt', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const { run } = await runWith(lease, { mood: 'million' }, (aside) => {
      aside.reserve = () => new Promise(() => undefined);
    });
    expect(run.entities()).toMatchObject(named('refused: true'));
  });
});

describe('failures that no run stands for', () => {
  test('are told as they are, as many as log lines', async () => {
    await using rig = new Rig();
    const lease = await rig.host.open('ingests');
    const few = await runWith(lease, { mood: 'failures', count: 2, text: 'no answer' });
    expect(few.aside.failures).toEqual(['no answer 0', 'no answer 1']);
    const many = await runWith(lease, { mood: 'failures', count: 5_000, text: 'x' });
    expect(many.aside.failures.length).toBeGreaterThanOrEqual(500);
    expect(many.aside.failures.length).toBeLessThan(1_000);
    expect(many.run.logs.at(-1)?.message).toMatch(/^\d+ log lines were dropped/);
  });
});
