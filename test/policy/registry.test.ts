import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { systemClock } from '../../src/clock.ts';
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

beforeAll(async () => {
  warm = await openWarmHost();
});

afterAll(() => warm.stop());

const DELETED = 'the policy was deleted';

describe('applying', () => {
  test('a document makes all its policies known, in its order', async () => {
    await using policies = new Policies({ host: warm });
    const applied: string[] = [];
    policies.events.on('policy:applied', ({ policy, backend }) => applied.push(`${policy}: ${backend}`));
    expect(await policies.apply({ b: { schedule: '0 3 * * *' }, a: {}, c: {} })).toEqual(['b', 'a', 'c']);
    expect(policies.names).toEqual(['b', 'a', 'c']);
    expect(policies.registry.size).toBe(3);
    expect(applied).toEqual(['b: scripted backend', 'a: scripted backend', 'c: scripted backend']);
    expect(policies.registry.loadedPackages()).toEqual(['scripted']);
    expect(policies.messages).toContain("Policy b, Package scripted: Scheduled to run with '0 3 * * *'");
    expect(policies.messages).toContain('Policy a, Package scripted: One-time run');
    policies.registry.stop();
  });

  test('a policy is shown as it was written, with its next run', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: { schedule: '*/5 * * * *', scope: ['r1'], run: { timeout: '5m' } } });
    expect(policies.registry.get('edge')).toEqual({
      name: 'edge',
      config: { package: 'scripted', steps: [], schedule: '*/5 * * * *' },
      scope: ['r1'],
      run: { timeout: '5m' },
      timezone: 'UTC',
      nextRunAt: Date.UTC(2026, 0, 1, 12, 5),
      warnings: [],
      backend: { package: 'scripted', version: '1.2.3' },
    });
    expect(policies.registry.get('other')).toBeUndefined();
    policies.registry.stop();
    expect(clock.pending).toBe(0);
  });

  test('what surprises in a document is logged', async () => {
    await using policies = new Policies({ host: warm });
    await policies.apply({ edge: { schedule: '0 3 * * 1-5' } });
    const warnings = policies.registry.get('edge')?.warnings ?? [];
    expect(warnings).not.toEqual([]);
    for (const { message } of warnings) {
      expect(policies.lines).toContainEqual(
        expect.objectContaining({ level: 40, policy: 'edge', msg: expect.stringContaining(message) }),
      );
    }
    policies.registry.stop();
  });

  test('500 policies of one package in one document open it once', async () => {
    const { clock, policies } = held({});
    await using _ = policies;
    const written = Array.from({ length: 500 }, (_, index) => [`p${index}`, { schedule: '0 3 * * *' }]);
    await policies.apply(Object.fromEntries(written));
    expect(policies.registry.size).toBe(500);
    expect(clock.pending).toBe(1);
    policies.registry.stop();
    expect(clock.pending).toBe(0);
    await expectNoLoadedChild(policies);
  });
});

describe('when runs start', () => {
  test('without a schedule: once, a second later; the policy stays', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: { steps: [['yield', 2]] } });
    const opened = policies.next('run:opened');
    await clock.advance(999);
    expect(policies.seen).toEqual([]);
    await clock.advance(1);
    const { run } = await opened;
    expect(await policies.finished(run)).toMatchObject({
      policy: 'edge',
      trigger: 'once',
      status: 'completed',
      entityCount: 2,
    });
    await clock.advance(86_400_000);
    expect(policies.history.latest('edge', 5)).toEqual([run]);
    expect(policies.names).toEqual(['edge']);
    expect(policies.registry.get('edge')?.nextRunAt).toBeUndefined();
  });

  test('with a schedule: at its moments, in its zone', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    await policies.apply({ edge: { schedule: '0 8 * * *', run: { timezone: 'America/New_York' } } });
    await clock.advance(86_400_000);
    const [run, ...others] = policies.history.latest('edge', 5);
    expect(others).toEqual([]);
    expect(run).toMatchObject({ trigger: 'cron', dueAt: Date.UTC(2026, 0, 1, 13) });
    policies.registry.stop();
  });
});

describe('all or nothing', () => {
  test('a name that exists is a conflict, and nothing of the document is applied', async () => {
    await using policies = new Policies();
    await policies.apply({ existing: {} });
    const error = await errorOf(policies.apply({ new1: {}, existing: {}, new2: {} }));
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({ message: "policy 'existing' already exists" });
    expect(policies.names).toEqual(['existing']);
    await policies.registry.delete('existing');
    await expectNoLoadedChild(policies);
  });

  test('of six at once with one name, one is applied and five are conflicts', async () => {
    await using policies = new Policies({ host: warm });
    const errors = await Promise.all(Array.from({ length: 6 }, () => errorOf(policies.apply({ edge: {} }))));
    expect(errors.filter((error) => error === undefined)).toHaveLength(1);
    expect(errors.filter((error) => error instanceof ConflictError)).toHaveLength(5);
    expect(policies.names).toEqual(['edge']);
  });

  test('a package that cannot be had leaves nothing behind, and its names are free again', async () => {
    await using policies = new Policies();
    for (const name of ['nope', 'broken']) {
      const error = await errorOf(policies.apply({ good: {}, bad: { package: name } }));
      expect(error).toBeInstanceOf(BackendError);
      expect(error).toMatchObject({ message: expect.stringContaining(`'${name}'`) });
      expect(policies.names).toEqual([]);
      expect(policies.registry.loadedPackages()).toEqual([]);
    }
    await expectNoLoadedChild(policies);
    expect(await policies.apply({ good: {}, bad: {} })).toEqual(['good', 'bad']);
  });

  test('of several faults the first in the document is told', async () => {
    await using policies = new Policies({ host: warm });
    await policies.apply({ existing: {} });
    const nope1 = { package: 'nope1' };
    const nope2 = { package: 'nope2' };
    expect(await errorOf(policies.apply({ a: {}, b: nope1, c: nope2 }))).toMatchObject({
      message: expect.stringContaining('nope1'),
    });
    expect(await errorOf(policies.apply({ a: nope2, existing: {}, b: nope1 }))).toMatchObject({
      message: expect.stringContaining('nope2'),
    });
    expect(await errorOf(policies.apply({ existing: {}, a: nope1 }))).toBeInstanceOf(ConflictError);
  });

  test("the backends' own schemas find everything at once, in the document's order", async () => {
    await using policies = new Policies();
    const error = await errorOf(
      policies.apply({
        a: { package: 'strict', site: 'bad', scope: { role: 'good' } },
        b: { package: 'scripted' },
        c: { package: 'strict', site: 'good', scope: { role: 'good' } },
        d: { package: 'strict', scope: null },
      }),
    );
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({
      statusCode: 403,
      rows: [
        { field: 'policies.a.config.site', error: expect.stringContaining("got 'bad'") },
        { field: 'policies.d.config.site' },
        { field: 'policies.d.scope.role' },
      ],
    });
    expect(policies.names).toEqual([]);
    await expectNoLoadedChild(policies);
  });

  test('no reply shows what a variable holds', async () => {
    await using policies = new Policies({ host: warm, env: { SECRET: 'hunter22' } });
    const named = await errorOf(policies.apply({ a: { package: '${SECRET}' } }));
    expect(named).toMatchObject({ message: expect.stringContaining("'${SECRET}'") });
    const found = await errorOf(
      policies.apply({ a: { package: 'strict', site: '${SECRET}', scope: { role: 'good' } } }),
    );
    expect(found).toMatchObject({ message: expect.stringContaining("got '***'") });
    for (const reply of [named, found]) {
      expect(reply).not.toMatchObject({ message: expect.stringContaining('hunter22') });
    }
    expect(JSON.stringify(policies.lines)).not.toContain('hunter22');
  });
});

describe('deleting', () => {
  test('a policy is gone, its name free, its package still listed', async () => {
    const { clock, policies } = held({ host: warm });
    await using _ = policies;
    const deleted: string[] = [];
    policies.events.on('policy:deleted', ({ policy }) => deleted.push(policy));
    await policies.apply({ edge: { schedule: '* * * * *' }, other: {} });
    await policies.registry.delete('edge');
    expect(policies.names).toEqual(['other']);
    expect(deleted).toEqual(['edge']);
    const error = await errorOf(policies.registry.delete('edge'));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ message: "policy 'edge' not found" });
    await policies.registry.delete('other');
    await clock.advance(3_600_000);
    expect(policies.seen).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(policies.registry.loadedPackages()).toEqual(['scripted']);
    expect(await policies.apply({ edge: {} })).toEqual(['edge']);
  });

  test('cancels its run, and delivers what was closed before', async () => {
    await using policies = new Policies();
    const delivered = policies.next('batch:delivered');
    await policies.apply({ edge: { steps: [['yield', 2], ['until cancelled']] } });
    const { run } = await delivered;
    await policies.registry.delete('edge');
    expect(await policies.finished(run)).toMatchObject({
      status: 'cancelled',
      reason: DELETED,
      entityCount: 2,
    });
    expect(policies.history.latest('edge', 5)).toEqual([]);
    await expectNoLoadedChild(policies);
  });

  test('takes less than a second though the backend does not stop', async () => {
    await using policies = new Policies({ host: warm });
    const started = policies.next('run:started');
    await policies.apply({ edge: { steps: [['for ever']] } });
    const { run } = await started;
    const before = systemClock.monotonic();
    await policies.registry.delete('edge');
    expect(systemClock.monotonic() - before).toBeLessThan(1_000);
    expect(await policies.finished(run)).toMatchObject({ status: 'cancelled', reason: DELETED });
  });

  test('a policy of the same name may be applied while the old one still stops', async () => {
    await using policies = new Policies({ host: warm });
    const started = policies.next('run:started');
    await policies.apply({ edge: { steps: [['for ever']] } });
    const { run: old } = await started;
    const deleted = policies.registry.delete('edge');
    expect(await policies.apply({ edge: { steps: [['yield', 1]] } })).toEqual(['edge']);
    await deleted;
    const { run } = await policies.next('run:finished', (event) => event.run !== old);
    expect(run).toMatchObject({ policy: 'edge', status: 'completed', entityCount: 1 });
    expect(policies.history.latest('edge', 5)).toEqual([run]);
    expect(policies.names).toEqual(['edge']);
  });
});

describe('stopping', () => {
  test('fires no more, refuses documents, lets go of packages', async () => {
    const { clock, policies } = held({});
    await using _ = policies;
    await policies.apply({ edge: { schedule: '* * * * *' }, once: {} });
    policies.registry.stop();
    policies.registry.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(3_600_000);
    expect(policies.seen).toEqual([]);
    expect(await errorOf(policies.apply({ late: {} }))).toBeInstanceOf(UnavailableError);
    await expectNoLoadedChild(policies);
  });

  test('a document that is being applied is refused, and lets go of its packages', async () => {
    await using policies = new Policies();
    const applied = errorOf(policies.apply({ edge: {} }));
    policies.registry.stop();
    expect(await applied).toBeInstanceOf(UnavailableError);
    expect(policies.names).toEqual([]);
    await expectNoLoadedChild(policies);
  });
});
