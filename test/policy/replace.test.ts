import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import {
  BackendError,
  ConflictError,
  NotFoundError,
  UnavailableError,
  ValidationError,
} from '../../src/errors.ts';
import { openWarmHost } from '../run/support.ts';
import { errorOf, expectNoLoadedChild, held, Policies } from './policies.ts';

let warm: BackendHost;
const folder = mkdtempSync(path.join(tmpdir(), 'replace-'));
/** While this file is not there, the package `gated` cannot be imported. */
const gate = path.join(folder, 'gate');

beforeAll(async () => {
  process.env.IMPORT_GATE = gate;
  warm = await openWarmHost();
});

afterAll(async () => {
  await warm.stop();
  rmSync(folder, { recursive: true });
});

const REPLACED = 'the policy was replaced';
const EVERY_MINUTE = { schedule: '* * * * *' };

describe('putting a policy in its place', () => {
  test('creates it where there is none, and replaces it where there is one', async () => {
    await using policies = new Policies({ host: warm });
    const seen: string[] = [];
    for (const name of ['policy:applied', 'policy:replaced', 'policy:deleted'] as const) {
      policies.events.on(name, ({ policy }) => seen.push(`${name} ${policy}`));
    }
    await policies.apply({ first: {} });
    expect(await policies.replace('edge', {})).toBe('created');
    await policies.apply({ last: {} });
    expect(await policies.replace('edge', { scope: ['r1'] })).toBe('replaced');
    expect(policies.registry.get('edge')).toMatchObject({ scope: ['r1'] });
    expect(policies.names).toEqual(['first', 'edge', 'last']);
    expect(seen).toEqual([
      'policy:applied first',
      'policy:applied edge',
      'policy:applied last',
      'policy:replaced edge',
    ]);
  });

  test('the same document changes nothing: no run of a policy that runs once, no other schedule', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ once: { key: [1, { a: 1, b: 2 }] }, often: EVERY_MINUTE });
    await clock.advance(2_000);
    expect(await policies.replace('once', { key: [1, { b: 2, a: 1 }] })).toBe('unchanged');
    expect(await policies.replace('often', EVERY_MINUTE)).toBe('unchanged');
    await clock.advance(118_000);
    expect(policies.opened('once')).toHaveLength(1);
    expect(policies.opened('often')).toHaveLength(2);
  });

  test('what expands to something else is another document, and so is what was written otherwise', async () => {
    const env: NodeJS.ProcessEnv = { TOKEN: 'one' };
    await using policies = new Policies({ host: warm, env });
    await policies.apply({ edge: { token: '${TOKEN}' } });
    expect(await policies.replace('edge', { token: '${TOKEN}' })).toBe('unchanged');
    env.TOKEN = 'two';
    expect(await policies.replace('edge', { token: '${TOKEN}' })).toBe('replaced');
    expect(await policies.replace('edge', { token: 'two' })).toBe('replaced');
    expect(await policies.replace('edge', { token: 'two', run: { timeout: '5m' } })).toBe('replaced');
  });

  test('only the new schedule fires', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: EVERY_MINUTE });
    await policies.replace('edge', { schedule: '*/10 * * * *' });
    await clock.advance(3_600_000);
    expect(policies.opened('edge')).toHaveLength(6);
    await policies.replace('edge', {});
    await clock.advance(3_600_000);
    expect(policies.opened('edge').map(({ trigger }) => trigger)).toEqual([...Array(6).fill('cron'), 'once']);
    expect(clock.pending).toBe(0);
  });

  test('a moment that has come and was not fired yet is fired by the new one', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: EVERY_MINUTE });
    clock.pass(30_000);
    await policies.replace('edge', { ...EVERY_MINUTE, steps: [['yield', 1]] });
    const [run] = policies.opened('edge');
    expect(run).toMatchObject({ dueAt: Date.UTC(2026, 0, 1, 12, 1), trigger: 'cron' });
    expect(run && (await policies.finished(run))).toMatchObject({ entityCount: 1 });
    await clock.advance(30_000);
    expect(policies.opened('edge')).toHaveLength(1);
  });

  test('a run under way is left to end, and its backend stays as long', async () => {
    await using policies = new Policies();
    const file = policies.gate();
    const started = policies.next('run:started');
    await policies.replace('edge', {
      steps: [
        ['until file', file.path],
        ['yield', 2],
      ],
    });
    const { run: old } = await started;
    const skipped = policies.next('run:opened');
    expect(await policies.replace('edge', { steps: [], package: 'strict', ...strict })).toBe('replaced');
    const { run } = await skipped;
    expect([old.status, run.status]).toEqual(['running', 'pending']);
    file.open();
    expect(await policies.finished(old)).toMatchObject({ status: 'completed', entityCount: 2 });
    expect(await policies.finished(run)).toMatchObject({
      status: 'completed',
      backend: { package: 'strict' },
    });
    expect(policies.history.latest('edge', 5)).toEqual([run, old]);
    const isGone = () => policies.host.children().every((child) => child.package !== 'scripted');
    await vi.waitUntil(isGone, { timeout: 15_000, interval: 5 });
  });

  test('a run under way is cancelled on demand, within a second though it does not stop', async () => {
    await using policies = new Policies({ host: warm });
    const started = policies.next('run:started');
    await policies.replace('edge', { steps: [['for ever']] });
    const { run } = await started;
    const before = performance.now();
    expect(await policies.replace('edge', EVERY_MINUTE, true)).toBe('replaced');
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(await policies.finished(run)).toMatchObject({ status: 'cancelled', reason: REPLACED });
  });

  test('a run that has not begun is of the old document, and is cancelled', async () => {
    await using policies = new Policies({ host: warm });
    const file = policies.gate();
    await policies.replace('edge', { ...EVERY_MINUTE, steps: [['until file', file.path]], run: QUEUE });
    const [running, waiting] = [policies.registry.submit('edge'), policies.registry.submit('edge')];
    await policies.replace('edge', { ...EVERY_MINUTE, run: QUEUE });
    expect(waiting).toMatchObject({ status: 'cancelled', reason: REPLACED });
    file.open();
    expect((await policies.finished(running)).status).toBe('completed');
  });
});

const QUEUE = { overlap: 'queue_one' };
const strict = { site: 'good', scope: { role: 'good' } };

describe('a replacement that is refused leaves the old one as it was', () => {
  test.each([
    ['a package that is not there', { package: 'nowhere' }, BackendError],
    ['a package that cannot be imported', { package: 'broken' }, BackendError],
    ['a schedule that is none', { schedule: 'soon' }, ValidationError],
    ["what its backend's schema refuses", { package: 'strict', site: 5 }, ValidationError],
  ])('%s', async (_what, broken, kind) => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: EVERY_MINUTE });
    const before = policies.registry.get('edge');
    expect(await errorOf(policies.replace('edge', broken))).toBeInstanceOf(kind);
    expect(policies.registry.get('edge')).toEqual(before);
    await clock.advance(60_000);
    expect(policies.opened('edge')).toHaveLength(1);
    expect(await policies.replace('edge', { ...EVERY_MINUTE, key: 1 })).toBe('replaced');
  });

  test('and creates nothing where there is none', async () => {
    await using policies = new Policies();
    expect(await errorOf(policies.replace('edge', { package: 'nowhere' }))).toBeInstanceOf(BackendError);
    expect(policies.names).toEqual([]);
    await expectNoLoadedChild(policies);
    expect(await policies.apply({ edge: {} })).toEqual(['edge']);
  });
});

describe('several at once', () => {
  test('the same document put six times makes one policy with one schedule', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => policies.replace('edge', EVERY_MINUTE)),
    );
    expect(outcomes).toEqual(['created', ...Array(5).fill('unchanged')]);
    await clock.advance(60_000);
    expect(policies.opened('edge')).toHaveLength(1);
  });

  test('other documents take each their turn, and the last one stays', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    const outcomes = await Promise.all(
      [1, 2, 3].map((key) => policies.replace('edge', { ...EVERY_MINUTE, key })),
    );
    expect(outcomes).toEqual(['created', 'replaced', 'replaced']);
    expect(policies.registry.get('edge')).toMatchObject({ config: { key: 3 } });
    await clock.advance(60_000);
    expect(policies.opened('edge')).toHaveLength(1);
  });

  test('a document that is posted beside it finds its name taken', async () => {
    await using policies = new Policies({ host: warm });
    const replaced = policies.replace('edge', { key: 1 });
    expect(await errorOf(policies.apply({ edge: { key: 2 } }))).toBeInstanceOf(ConflictError);
    expect(await replaced).toBe('created');
  });

  test('what is being posted is replaced when it is there', async () => {
    await using policies = new Policies({ host: warm });
    const applied = policies.apply({ edge: { key: 1 }, other: {} });
    expect(await policies.replace('edge', { key: 2 })).toBe('replaced');
    expect(await applied).toEqual(['edge', 'other']);
    expect(policies.registry.get('edge')).toMatchObject({ config: { key: 2 } });
  });

  test('it is created when the old one is deleted meanwhile', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: EVERY_MINUTE });
    const replaced = policies.replace('edge', { ...EVERY_MINUTE, key: 1 });
    await policies.registry.delete('edge');
    expect(await replaced).toBe('created');
    await clock.advance(60_000);
    expect(policies.opened('edge')).toHaveLength(1);
  });

  test('it is another policy than the one whose runs are still being cancelled', async () => {
    await using policies = new Policies({ host: warm });
    const started = policies.next('run:started');
    await policies.apply({ edge: { steps: [['for ever']] } });
    const { run: old } = await started;
    const deleted = policies.registry.delete('edge');
    expect(await policies.replace('edge', { steps: [['yield', 1]] })).toBe('created');
    await deleted;
    expect(await policies.finished(old)).toMatchObject({ reason: 'the policy was deleted' });
    const { run } = await policies.next('run:finished');
    expect(run).toMatchObject({ policy: 'edge', status: 'completed', entityCount: 1 });
  });

  test('while a package hangs in its import, the old one runs, and may be deleted', async () => {
    await using policies = new Policies();
    await policies.apply({ edge: { ...EVERY_MINUTE, steps: [['yield', 1]] } });
    const replaced = policies.replace('edge', { package: 'gated' });
    const run = policies.registry.submit('edge');
    expect(await policies.finished(run)).toMatchObject({ status: 'completed', entityCount: 1 });
    await policies.registry.delete('edge');
    expect(policies.names).toEqual([]);
    writeFileSync(gate, '');
    expect(await replaced).toBe('created');
    rmSync(gate);
    expect(policies.registry.get('edge')).toMatchObject({ backend: { package: 'gated' } });
  });

  test('a stop refuses it, and lets go of what it has opened', async () => {
    await using policies = new Policies();
    const replaced = errorOf(policies.replace('edge', {}));
    const inTurn = errorOf(policies.replace('edge', { key: 2 }));
    policies.registry.stop();
    for (const refused of [replaced, inTurn]) expect(await refused).toBeInstanceOf(UnavailableError);
    expect(await errorOf(policies.replace('edge', {}))).toBeInstanceOf(UnavailableError);
    await expectNoLoadedChild(policies);
  });
});

describe('running a policy now', () => {
  test('starts a run, whatever its schedule, and leaves that alone', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: EVERY_MINUTE, once: {} });
    const next = policies.registry.get('edge')?.nextRunAt;
    const submitted = [policies.registry.submit('edge'), policies.registry.submit('once')];
    for (const run of submitted) expect((await policies.finished(run)).trigger).toBe('submit');
    expect(policies.registry.get('edge')?.nextRunAt).toBe(next);
    await clock.advance(60_000);
    expect(policies.opened('edge').map(({ trigger }) => trigger)).toEqual(['submit', 'cron']);
    expect(policies.opened('once').map(({ trigger }) => trigger)).toEqual(['submit', 'once']);
  });

  test('a policy that is not there, and one of a daemon that stops, cannot be run', async () => {
    await using policies = new Policies({ host: warm });
    await policies.apply({ edge: {} });
    expect(() => policies.registry.submit('other')).toThrow(NotFoundError);
    policies.registry.stop();
    expect(() => policies.registry.submit('edge')).toThrow(UnavailableError);
  });
});
