import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { openWarmHost } from '../run/support.ts';
import { temporaryDirectory } from '../state/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { HOUR, heldLives, Lives, MINUTE, NOON, only } from './lives.ts';

// What a daemon still owes its policies after it was down.

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

describe('a policy without a schedule', () => {
  test('is owed its run until one has ended', async () => {
    const { lives, at } = heldLives(host);
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
    // On a clock that stands still no child is ever late, so that the culprit does not get one of its own.
    const oneChild = await openWarmHost(undefined, new HeldClock());
    onTestFinished(() => oneChild.stop());
    const { lives, at } = heldLives(oneChild);
    await using _ = lives;
    const clock = at(0);
    const first = await lives.begin({ clock });
    await first.apply({ once: { steps: [['until cancelled']] } });
    await clock.advance(1_000);
    await first.reaches(only(first.opened('once')), 'running');
    await first.apply({ culprit: { steps: [['exit', 3]] } });
    const repeated = first.next('run:started', ({ run }) => run.trigger === 'retry');
    await clock.advance(1_000);
    expect((await repeated).run.policy).toBe('once');
    await lives.kill();

    const later = at(MINUTE);
    const second = await lives.begin({ clock: later });
    await second.awake();
    await later.advance(1_000);
    expect(second.opened('once')).toMatchObject([{ trigger: 'once' }]);
    await lives.kill();
  });

  test('that has had its run has another when it is applied again, and not when it is only owed one', async () => {
    const { lives, at } = heldLives(host);
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
    const { lives, at } = heldLives(host);
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

  test('is still owed its run when one on request was lost, run again and cancelled', async () => {
    const { lives, at } = heldLives(host);
    await using _ = lives;
    const first = await lives.begin({ clock: at(0) });
    const run = { retries: 1, retry_backoff: '1s' };
    await first.apply({ once: { steps: [['until cancelled']], run } });
    const asked = await first.reaches(first.registry.submit('once'), 'running');
    await lives.kill();

    const clock = at(MINUTE);
    const second = await lives.begin({ clock });
    await second.awake();
    await clock.advance(1_000);
    const retry = only(second.opened('once').filter(({ trigger }) => trigger === 'retry'));
    const owed = only(second.opened('once').filter(({ trigger }) => trigger === 'once'));
    expect(retry).toMatchObject({ retryOf: asked.id, origin: 'submit' });
    expect(owed.status).toBe('pending');
    await second.reaches(retry, 'running');
    second.coordinator.cancelRun(retry.id, 'cancelled on request');
    await second.reaches(owed, 'running');
    await lives.kill();

    const later = at(2 * MINUTE);
    const third = await lives.begin({ clock: later });
    await third.awake();
    await later.advance(HOUR);
    const last = only(third.opened('once'));
    expect(last).toMatchObject({ trigger: 'retry', retryOf: owed.id, origin: 'once' });
    await third.reaches(last, 'running');
    third.coordinator.cancelRun(last.id, 'cancelled on request');
    await third.finished(last);
    await lives.kill();

    const end = at(3 * MINUTE + HOUR);
    const fourth = await lives.begin({ clock: end });
    await fourth.awake();
    await end.advance(HOUR);
    expect(fourth.opened('once')).toEqual([]);
  });

  test("the retry of one on request that the daemon's own stop has cut off is not run again", async () => {
    await using lives = new Lives({ host });
    const first = await lives.begin();
    const run = { retries: 1, retry_backoff: '1s', overlap: 'allow' };
    await first.apply({ asked: { steps: [['for ever']], run } });
    await first.reaches(first.registry.submit('asked'), 'running');
    await lives.kill();
    const second = await lives.begin();
    const { run: retry } = await second.next('run:started', ({ run: { trigger } }) => trigger === 'retry');
    await lives.stop(500);
    expect(retry).toMatchObject({ status: 'cancelled', retryAt: undefined });
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
