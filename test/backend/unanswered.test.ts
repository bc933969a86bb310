import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { HeldClock } from '../support/held-clock.ts';
import { backendSource, PackageFolder, payloadOf, Rig, startRun } from './rig.ts';

/** A package of which the first process that is asked to check something spins for ever, and no other. */
const SPINS_ONCE = backendSource(
  `scope: { '~standard': { version: 1, vendor: 'spins-once', validate(value) {
     if (isFirst()) for (;;);
     return { value };
   } } },`,
  `import { mkdirSync } from 'node:fs';
   function isFirst() {
     try {
       mkdirSync(new URL('asked', import.meta.url));
       return true;
     } catch {
       return false;
     }
   }`,
);

interface Unanswered extends AsyncDisposable {
  readonly clock: HeldClock;
  readonly lease: BackendLease;
  /** What the child that spins was asked. */
  readonly checked: Promise<unknown>;
}

/** A package with one child, which spins over a question that it was just asked. */
async function unanswered(): Promise<Unanswered> {
  const folder = await PackageFolder.create();
  await folder.add('spins-once', { 'index.js': SPINS_ONCE });
  const clock = new HeldClock();
  const rig = new Rig({ clock, backendsDirs: [folder.path] });
  const lease = await rig.host.open('spins-once');
  const checked = lease.check([payloadOf(null)], []);
  return {
    clock,
    lease,
    checked,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('a child that does not answer a question', () => {
  test('is handed no run while there is another', async () => {
    await using stage = await unanswered();
    await stage.clock.advance(2_000);
    expect(await stage.checked).toEqual([[]]);
    expect(await startRun(stage.lease, null).outcome).toEqual({ kind: 'returned' });
  });

  test('is ended, and costs nobody the run that it was handed and did not enter', async () => {
    await using stage = await unanswered();
    const run = startRun(stage.lease, null);
    await stage.clock.advance(2_000);
    expect(await stage.checked).toEqual([[]]);
    await stage.clock.advance(8_000);
    expect(await run.outcome).toEqual({ kind: 'returned' });
  });

  test('does not count as one that has time: a run gets another beside it', async () => {
    await using folder = await PackageFolder.create();
    await folder.add('spins', {
      'index.js': backendSource(
        `scope: { '~standard': { version: 1, vendor: 'spins', validate(value) {
           if (value === null) return { value };
           writeFileSync(new URL('asked-' + process.pid, import.meta.url), '');
           for (;;);
         } } },`,
        `import { writeFileSync } from 'node:fs';`,
      ),
    });
    const clock = new HeldClock();
    await using rig = new Rig({ clock, backendsDirs: [folder.path] });
    const lease = await rig.host.open('spins');
    const isAsked = (pid: number): boolean => existsSync(path.join(folder.path, 'spins', `asked-${pid}`));
    // As many as there may be side by side, all of them busy with a question: each is asked of two.
    const checks: Promise<unknown>[] = [];
    for (let asked = 1; asked < Math.min(4, Math.max(2, availableParallelism())); asked++) {
      checks.push(Promise.allSettled([lease.check([payloadOf('!')], [])]));
      await clock.advance(2_000);
      await expect.poll(() => rig.pids.filter(isAsked).length).toBeGreaterThan(asked);
    }
    await clock.advance(2_000);
    const run = startRun(lease, null);
    await clock.advance(10);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    await rig.host.stop();
    await Promise.all(checks);
  });
});
