import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { ConflictError, NotFoundError, UnavailableError, ValidationError } from '../../src/errors.ts';
import { openWarmHost } from '../run/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { HOUR, hourly, Lives, NOON } from './lives.ts';
import { documentOf, errorOf, type Policies } from './policies.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

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

  test('are gone for good when they are deleted, be it that they come back while the disk is told', async () => {
    await using lives = new Lives({ host });
    const atNoon = new HeldClock(NOON);
    await (await lives.begin({ clock: atNoon })).apply({ a: hourly });
    await lives.kill();
    const clock = new HeldClock(NOON);
    const second: Policies = await lives.begin({ clock, beforeRemoval: () => second.awake() });
    await second.registry.delete('a');
    expect(second.names).toEqual([]);
    await clock.advance(2 * HOUR);
    expect(second.opened('a')).toEqual([]);
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

  test('goes on where it has numbers that JSON has not, and is replaced where a text of them stands now', async () => {
    const document = (number: string): Buffer =>
      Buffer.from(
        `policies: {a: {config: {package: scripted, steps: [], schedule: '0 * * * *'}, scope: [${number}]}}`,
      );
    for (const number of ['.nan', '-.inf', '9007199254740993', '-0.0']) {
      await using lives = new Lives({ host });
      await (await lives.begin()).registry.apply(document(number), 'loopback');
      await lives.kill();
      const second = await lives.begin();
      await second.awake();
      const options = { provenance: 'loopback', cancelRuns: false } as const;
      const put = (written: string) => second.registry.replace('a', document(written), options);
      expect(await put(number)).toBe('unchanged');
      expect(second.registry.get('a')?.scope).toEqual([number === '-0.0' ? -0 : number]);
      expect(await put(`'${number}'`)).toBe('replaced');
    }
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
