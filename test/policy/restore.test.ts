import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { ConflictError, NotFoundError, UnavailableError, ValidationError } from '../../src/errors.ts';
import { openWarmHost } from '../run/support.ts';
import { temporaryDirectory } from '../state/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { Lives } from './lives.ts';
import { documentOf, errorOf, type Policies } from './policies.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const NOON = Date.UTC(2026, 0, 1, 12, 0, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const hourly = { schedule: '0 * * * *' };

/** The lives of a daemon whose clock goes on in between. */
function heldLives(): { lives: Lives; at: (ms: number) => HeldClock } {
  return { lives: new Lives({ host }), at: (ms) => new HeldClock(NOON + ms) };
}

const shown = (policies: Policies) =>
  policies.names.map((name) => {
    const { config, scope, run, timezone, warnings, backend } = policies.registry.get(name) ?? {};
    return { name, config, scope, run, timezone, warnings, backend };
  });

describe('policies of an earlier life', () => {
  test('come back as they were, in their order, and a deleted one does not', async () => {
    await using lives = new Lives({ host });
    const first = await lives.begin();
    await first.apply({
      c: hourly,
      b: { ...hourly, scope: { hosts: ['r1', null, 1.5], __proto__x: true } },
      a: { schedule: '0 0 * * *', run: { timezone: 'Asia/Tokyo', retries: 2 } },
      gone: hourly,
    });
    await first.replace('gone', { schedule: '5 4 * * *', scope: ['x'] });
    await first.registry.delete('gone');
    const before = shown(first);
    await lives.kill();
    const second = await lives.begin();
    expect(second.names).toEqual(before.map(({ name }) => name));
    await second.awake();
    expect(shown(second)).toEqual(before);
    expect(second.registry.get('a')?.nextRunAt).toBeGreaterThan(Date.now());
  });

  test('have their names from the beginning, and may be deleted and replaced before their package is open', async () => {
    await using lives = new Lives({ host });
    await (await lives.begin()).apply({ a: hourly, b: hourly, c: hourly });
    await lives.kill();
    const second = await lives.begin();
    expect(second.names).toEqual(['a', 'b', 'c']);
    await second.registry.delete('a');
    expect(await second.replace('b', { schedule: '1 1 * * *' })).toBe('replaced');
    expect(await errorOf(second.registry.delete('a'))).toBeInstanceOf(NotFoundError);
    await second.awake();
    expect(second.names).toEqual(['b', 'c']);
    expect(second.registry.get('b')?.config).toMatchObject({ schedule: '1 1 * * *' });
    await lives.kill();
    expect((await lives.begin()).names).toEqual(['b', 'c']);
  });

  test('of which one cannot be read any more is shown as failed, with the reason, and the others run', async () => {
    await using lives = new Lives({ host });
    const env = { SECRET: 'hunter22' };
    const first = await lives.begin({ env });
    await first.apply({
      secret: { ...hourly, scope: '${SECRET}' },
      never: { ...hourly, scope: '${NEVER}' },
      open: hourly,
    });
    await lives.kill();
    const second = await lives.begin({ env: {} });
    await second.awake();
    const reason =
      "it cannot be read any more: the environment variable 'SECRET', which it names, is not set any more";
    expect(second.registry.failureOf('secret')).toBe(reason);
    expect(second.registry.get('secret')).toMatchObject({
      failure: reason,
      scope: '${SECRET}',
      nextRunAt: undefined,
    });
    expect(second.messages).toContain(`Policy secret of the daemon's earlier life cannot run: ${reason}`);
    expect(() => second.registry.submit('secret')).toThrow(ConflictError);
    expect(second.registry.failureOf('never')).toBeUndefined();
    expect((await second.finished(second.registry.submit('open'))).status).toBe('completed');
    await lives.kill();
    const third = await lives.begin({ env });
    await third.awake();
    expect(third.registry.failureOf('secret')).toBeUndefined();
  });

  test('whose package cannot be loaded are tried again', async () => {
    await using lives = new Lives({ host });
    const first = await lives.begin();
    await first.apply({ a: hourly, b: hourly, c: hourly, d: hourly });
    await lives.kill();
    const clock = new HeldClock(Date.now());
    let isBroken = true;
    const fragile: BackendHost = {
      open: (name) => (isBroken ? Promise.reject(new Error(`no package '${name}'`)) : host.open(name)),
      children: () => host.children(),
      crashWaits: () => host.crashWaits(),
      stop: async () => undefined,
    };
    const second = await lives.begin({ host: fragile, clock });
    await second.awake();
    expect(second.registry.failureOf('b')).toBe("no package 'scripted'");
    expect(second.messages.filter((message) => message.includes('cannot run'))).toEqual([
      "Policy a and 3 others of the daemon's earlier life cannot run: no package 'scripted'",
    ]);
    const reason = "no package 'scripted'";
    expect(second.registry.unable()).toEqual({ count: 4, example: { name: 'a', reason } });
    await second.registry.delete('a');
    expect(second.registry.unable()).toEqual({ count: 3, example: { name: 'b', reason } });
    isBroken = false;
    await second.replace('b', { schedule: '1 1 * * *' });
    expect(second.registry.unable()).toEqual({ count: 2, example: { name: 'c', reason } });
    await clock.advance(5_000);
    await expect.poll(() => second.registry.packageOf('d')?.name).toBe('scripted');
    expect(second.registry.failureOf('d')).toBeUndefined();
    expect(second.registry.unable()).toEqual({ count: 0, example: undefined });
  });

  test('keep nothing of the environment on disk', async () => {
    await using lives = new Lives({ host, env: { SECRET: 'hunter22' } });
    const first = await lives.begin();
    await first.apply({ a: { ...hourly, scope: '${SECRET}', steps: [['log', '${SECRET}']] } });
    await first.finished(first.registry.submit('a'));
    await lives.stop();
    expect(lives.bytes().includes('hunter22')).toBe(false);
    expect(lives.bytes().includes('${SECRET}')).toBe(true);
  });
});

describe('a document that is applied again after a restart', () => {
  test('takes the place of what was restored, once', async () => {
    await using lives = new Lives({ host });
    const document = documentOf({ a: hourly, b: hourly });
    await (await lives.begin()).registry.apply(document, 'loopback');
    await lives.kill();
    const second = await lives.begin();
    expect(await second.registry.apply(document, 'loopback')).toEqual(['a', 'b']);
    await second.awake();
    expect(second.messages.filter((message) => message.includes('Replacing'))).toEqual([]);
    expect(await errorOf(second.registry.apply(document, 'loopback'))).toBeInstanceOf(ConflictError);
  });

  test('replaces what was written otherwise', async () => {
    await using lives = new Lives({ host });
    await (await lives.begin()).apply({ a: hourly });
    await lives.kill();
    const second = await lives.begin();
    await second.awake();
    await second.apply({ a: { schedule: '7 7 * * *' } });
    expect(second.registry.get('a')?.config).toMatchObject({ schedule: '7 7 * * *' });
    await lives.kill();
    const third = await lives.begin();
    expect(third.registry.get('a')?.config).toMatchObject({ schedule: '7 7 * * *' });
  });

  test('is refused as a whole when one of its names is taken or it has faults, and changes nothing then', async () => {
    await using lives = new Lives({ host });
    await (await lives.begin()).apply({ old: hourly });
    await lives.kill();
    const second = await lives.begin();
    await second.apply({ taken: hourly });
    const other = { schedule: '7 7 * * *' };
    expect(await errorOf(second.apply({ old: other, taken: hourly }))).toBeInstanceOf(ConflictError);
    expect(await errorOf(second.apply({ old: { ...other, run: { retries: -1 } } }))).toBeInstanceOf(
      ValidationError,
    );
    expect(second.registry.get('old')?.config).toMatchObject(hourly);
    expect(await second.apply({ old: other })).toEqual(['old']);
  });

  test('may be put once more, and a PUT takes the name for good', async () => {
    await using lives = new Lives({ host });
    await (await lives.begin()).apply({ a: hourly });
    await lives.kill();
    const second = await lives.begin();
    expect(await second.replace('a', hourly)).toBe('unchanged');
    expect(await errorOf(second.apply({ a: hourly }))).toBeInstanceOf(ConflictError);
    expect(await second.replace('a', { schedule: '7 7 * * *' })).toBe('replaced');
  });
});

test('what cannot be kept is refused, and nothing has changed then', async () => {
  await using lives = new Lives({ host });
  const policies = await lives.begin();
  await policies.apply({ a: hourly });
  await lives.loseDisk();
  expect(await errorOf(policies.apply({ b: hourly }))).toBeInstanceOf(UnavailableError);
  expect(await errorOf(policies.replace('a', { schedule: '7 7 * * *' }))).toBeInstanceOf(UnavailableError);
  expect(await errorOf(policies.registry.delete('a'))).toBeInstanceOf(UnavailableError);
  expect(policies.names).toEqual(['a']);
  expect(policies.registry.get('a')?.config).toMatchObject(hourly);
  expect((await policies.finished(policies.registry.submit('a'))).status).toBe('completed');
});

test('a daemon that stops deletes nothing: what was kept meanwhile is known on disk alone', async () => {
  await using lives = new Lives({ host });
  const policies = await lives.begin();
  await policies.apply({ a: hourly });
  policies.registry.stop();
  for (const name of ['a', 'unknown']) {
    expect(await errorOf(policies.registry.delete(name))).toBeInstanceOf(UnavailableError);
  }
  await lives.stop();
  expect((await lives.begin()).names).toEqual(['a']);
});

describe('a policy without a schedule', () => {
  test('is owed its run until one has ended', async () => {
    const { lives, at } = heldLives();
    await using _ = lives;
    const gate = join(temporaryDirectory(), 'gate');
    const first = await lives.begin({ clock: at(0) });
    await first.apply({ once: { steps: [['until file', gate]] } });
    await lives.kill();

    const clock = at(MINUTE);
    const second = await lives.begin({ clock });
    await second.awake();
    expect(second.opened('once')).toEqual([]);
    await clock.advance(1_000);
    expect(second.opened('once')).toMatchObject([{ trigger: 'once', dueAt: NOON + MINUTE + 1_000 }]);
    await second.reaches(only(second.opened('once')), 'running');
    await lives.kill();

    const third = await lives.begin({ clock: at(2 * MINUTE) });
    await third.awake();
    const [lost] = third.history.latest('once', 5);
    expect(lost).toMatchObject({ status: 'lost' });
    expect(lost?.reason).toMatch(
      /^the daemon ended without ending this run, which was at work when .*2026-01-01T12:01/,
    );
    await lives.kill();

    const end = at(3 * MINUTE);
    const fourth = await lives.begin({ clock: end });
    await fourth.awake();
    await end.advance(1_000);
    writeFileSync(gate, '');
    expect((await fourth.finished(only(fourth.opened('once')))).status).toBe('completed');
    await lives.kill();

    const last = at(4 * MINUTE);
    const fifth = await lives.begin({ clock: last });
    await fifth.awake();
    await last.advance(HOUR);
    expect(fifth.opened('once')).toEqual([]);
    expect(fifth.history.latest('once', 5).map(({ status }) => status)).toEqual(['completed', 'lost']);
  });

  test("is owed it still when its run went down with another's child and the one in its place was lost", async () => {
    const { lives, at } = heldLives();
    await using _ = lives;
    const clock = at(0);
    const first = await lives.begin({ clock });
    const once = { steps: [['for ever']] };
    // More than there may be children, so that the culprit cannot have one of its own.
    const names = Array.from({ length: availableParallelism() + 1 }, (_, index) => `once-${index}`);
    await first.apply(Object.fromEntries(names.map((name) => [name, once])));
    await clock.advance(1_000);
    for (const name of names) await first.reaches(only(first.opened(name)), 'running');
    await first.apply({ culprit: { steps: [['exit', 3]] } });
    const repeated = first.next('run:started', ({ run }) => run.trigger === 'retry');
    await clock.advance(1_000);
    const { run } = await repeated;
    expect(run.policy).toMatch(/^once-/);
    await lives.kill();

    const later = at(MINUTE);
    const second = await lives.begin({ clock: later });
    await second.awake();
    await later.advance(1_000);
    expect(second.opened(run.policy)).toMatchObject([{ trigger: 'once' }]);
    await lives.kill();
  });

  test('that has had its run has another when it is applied again, and not when it is only owed one', async () => {
    const { lives, at } = heldLives();
    await using _ = lives;
    const clock = at(0);
    const first = await lives.begin({ clock });
    await first.apply({ done: {} });
    await clock.advance(1_000);
    await first.finished(only(first.opened('done')));
    await first.apply({ owed: {} });
    await lives.kill();
    const later = at(MINUTE);
    const second = await lives.begin({ clock: later });
    await second.apply({ done: {}, owed: {} });
    await later.advance(HOUR);
    await second.finished(only(second.opened('done')));
    await second.finished(only(second.opened('owed')));
    expect(second.history.latest('done', 5)).toHaveLength(2);
  });

  test('is still owed its run when it had one on request', async () => {
    const { lives, at } = heldLives();
    await using _ = lives;
    const first = await lives.begin({ clock: at(0) });
    await first.apply({ once: {} });
    await first.finished(first.registry.submit('once'));
    await lives.kill();
    const clock = at(MINUTE);
    const second = await lives.begin({ clock });
    await second.awake();
    await clock.advance(1_000);
    expect(only(second.opened('once')).trigger).toBe('once');
  });

  test("a run that the daemon's own stop has cut off is run again by its next life", async () => {
    await using lives = new Lives({ host });
    const first = await lives.begin();
    const gate = first.gate();
    await first.apply({ once: { steps: [['until file', gate.path]] } });
    const { run } = await first.next('run:started');
    await lives.stop(2_000);
    const second = await lives.begin();
    expect(await second.history.get(run.id)).toMatchObject({
      status: 'cancelled',
      reason: 'the daemon was stopped',
    });
    await expect
      .poll(() => second.opened('once'))
      .toMatchObject([{ trigger: 'retry', retryOf: run.id, retries: 0 }]);
    await lives.kill();
  });
});

describe('moments that passed while the daemon was down', () => {
  async function backAfter(ms: number, run: object = {}): Promise<readonly object[]> {
    const { lives, at } = heldLives();
    await using _ = lives;
    await (await lives.begin({ clock: at(0) })).apply({ edge: { ...hourly, run } });
    await lives.kill();
    const clock = at(ms);
    const second = await lives.begin({ clock });
    await second.awake();
    for (const opened of second.opened('edge')) await second.finished(opened);
    return second.opened('edge').map(({ status, reason, dueAt, trigger }) => ({
      status,
      reason,
      trigger,
      hoursLate: (dueAt - NOON + 30_000) / HOUR,
    }));
  }

  test('none: nothing is run', async () => {
    expect(await backAfter(30 * MINUTE)).toEqual([]);
  });

  test('are run once, as the latest of them', async () => {
    expect(await backAfter(7 * HOUR + 10 * MINUTE)).toEqual([
      { status: 'completed', reason: '', trigger: 'cron', hoursLate: 7 },
    ]);
  });

  test('are skipped when that is later than the window', async () => {
    expect(await backAfter(HOUR + 20 * MINUTE, { misfire_window: '10m' })).toEqual([
      {
        status: 'skipped',
        reason: 'missed: due 20m30s ago, while the daemon was down; misfire_window is 10m',
        trigger: 'cron',
        hoursLate: 1,
      },
    ]);
  });

  test('are skipped where the policy says so', async () => {
    expect(await backAfter(HOUR, { misfire: 'skip' })).toMatchObject([
      { status: 'skipped', reason: 'missed: due 30s ago, while the daemon was down; misfire is skip' },
    ]);
  });

  test('are not run again by the life after that', async () => {
    const { lives, at } = heldLives();
    await using _ = lives;
    await (await lives.begin({ clock: at(0) })).apply({ edge: hourly });
    await lives.kill();
    const second = await lives.begin({ clock: at(HOUR) });
    await second.awake();
    await second.finished(only(second.opened('edge')));
    await lives.kill();
    const third = await lives.begin({ clock: at(HOUR + MINUTE) });
    await third.awake();
    expect(third.opened('edge')).toEqual([]);
  });
});

describe('a clock that was set back while the daemon was down', () => {
  /** When runs were due since the restart, in hours since the first life began, which had two. */
  async function dueSince(clock: HeldClock, work: () => Promise<void>): Promise<readonly number[]> {
    const { lives, at } = heldLives();
    await using _ = lives;
    const before = at(0);
    const first = await lives.begin({ clock: before });
    await first.apply({ edge: hourly });
    await before.advance(2 * HOUR);
    for (const run of first.opened('edge')) await first.finished(run);
    expect(first.opened('edge')).toHaveLength(2);
    await lives.kill();
    const second = await lives.begin({ clock });
    await second.awake();
    await work();
    for (const run of second.opened('edge')) await second.finished(run);
    return second.opened('edge').map(({ dueAt }) => (dueAt - NOON + 30_000) / HOUR);
  }

  test('by a little: no moment is run twice', async () => {
    const clock = new HeldClock(NOON + 40 * MINUTE);
    expect(await dueSince(clock, () => clock.advance(3 * HOUR))).toEqual([3]);
  });

  test('by a lot, it was wrong before: no moment is waited for until it comes again', async () => {
    const clock = new HeldClock(NOON - 24 * HOUR);
    expect(await dueSince(clock, () => clock.advance(3 * HOUR))).toEqual([-23, -22, -21]);
  });

  test('and is set right later: what has been run is not missed', async () => {
    const years = 50 * 365 * 24 * HOUR;
    const clock = new HeldClock(NOON - years);
    const setRight = async (): Promise<void> => {
      clock.jump(years + 2 * HOUR + 20 * MINUTE);
      await clock.advance(10_000);
    };
    expect(await dueSince(clock, setRight)).toEqual([]);
  });
});

describe('moments that passed while the machine slept', () => {
  test.each([
    ['run_once', 'completed', ''],
    [
      'skip',
      'skipped',
      'missed: due 59m30s ago, while the machine slept or before its clock was set; misfire is skip',
    ],
  ])('%s: %s', async (misfire, status, reason) => {
    const { lives, at } = heldLives();
    await using _ = lives;
    const clock = at(0);
    const policies = await lives.begin({ clock });
    await policies.apply({ edge: { ...hourly, run: { misfire } } });
    clock.jump(5 * HOUR + 59 * MINUTE - 10_000);
    await clock.advance(10_000);
    const run = await policies.finished(only(policies.opened('edge')));
    expect(run).toMatchObject({ status, reason, dueAt: NOON + 5 * HOUR - 30_000 });
  });
});

function only<Item>(items: readonly Item[]): Item {
  expect(items).toHaveLength(1);
  const [item] = items;
  if (item === undefined) throw new Error('there is none');
  return item;
}
