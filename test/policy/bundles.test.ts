import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { BackendError } from '../../src/errors.ts';
import { BundleFollower } from '../../src/policy/bundle-follower.ts';
import type { Run } from '../../src/run/run.ts';
import { openWarmHost } from '../run/support.ts';
import { BundlesRoot } from '../support/bundles-root.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import { errorOf, Policies, type Written } from './policies.ts';

const bundles = new BundlesRoot();
let warm: BackendHost;
beforeAll(async () => {
  warm = await openWarmHost(bundles.path);
});
afterAll(async () => {
  await warm.stop();
  bundles[Symbol.dispose]();
});

let policies: Policies;
/** The bundle that a test is about. */
let bundle: string;
let bundleCount = 0;
beforeEach(() => {
  bundle = `bundle${++bundleCount}`;
  policies = new Policies({ host: warm });
});
afterEach(async () => {
  await policies[Symbol.asyncDispose]();
  await expect.poll(loadedPids, POLL).toEqual([]);
});

/** On a busy machine a process takes its time. */
const POLL = { interval: 5, timeout: 10_000 };

/** Fires at no time of the tests. */
const rarely = (): Written => ({ package: bundle, schedule: '0 0 1 1 *', run: { overlap: 'allow' } });

/** A backend that notes its imports and descriptions, and does what `config.steps` says. */
function backend(before = '', members = ''): string {
  return `import { appendFileSync, existsSync } from 'node:fs';
    import { setTimeout as pause } from 'node:timers/promises';
    const note = (what) => appendFileSync(${JSON.stringify(notes())}, what + ' ' + import.meta.url + '\\n');
    note('imported');
    ${before}
    export default {
      describe() { note('described'); return { name: 'made', app_name: 'app', app_version: '1' }; },
      async *run({ config }) {
        for (const [step, argument] of config.steps ?? []) {
          if (step === 'until file') while (!existsSync(argument)) await pause(5);
        }
        yield { site: { name: String(process.pid) } };
      },
      ${members}
    };`;
}

function deploy(version: string, source = backend()): void {
  bundles.add(bundle, version, source);
  bundles.point(bundle, version);
}

const notes = (): string => path.join(bundles.path, bundle, 'notes');

/** How often a version was imported, or asked to describe itself. */
function countOf(what: 'imported' | 'described', version: string): number {
  const lines = readFileSync(notes(), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(what) && line.includes(`/versions/${version}/`)).length;
}

const versionOf = (name: string): string | undefined => policies.registry.get(name)?.backend.version;
const warningsOf = (name: string): string[] =>
  (policies.registry.get(name)?.warnings ?? []).map(({ field, message }) => `${field}: ${message}`);
const logged = (text: RegExp): string[] => policies.messages.filter((message) => text.test(message));

async function run(name: string): Promise<Readonly<Run>> {
  return await policies.finished(policies.registry.submit(name));
}

/** A run that is at work until the gate is opened. */
async function runUntilOpened(name: string): Promise<{ open: () => Promise<Readonly<Run>> }> {
  const gate = policies.gate();
  const steps = [['until file', gate.path]];
  await policies.replace(name, { ...rarely(), steps });
  const run = policies.registry.submit(name);
  await policies.reaches(run, 'running');
  return {
    open: () => {
      gate.open();
      return policies.finished(run);
    },
  };
}

const loadedPids = (): number[] =>
  warm.children().flatMap((child) => (child.package === bundle ? [child.pid] : []));

describe('when the link moves', () => {
  test('the next run has the new version in a new child, and the run under way ends in its own', async () => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    const { open } = await runUntilOpened('edge');
    const [oldChild = 0] = loadedPids();
    deploy('2.0.0');
    expect(versionOf('edge')).toBe('1.0.0');
    await policies.replace('edge', { ...rarely(), steps: [] });
    const young = await run('edge');
    expect(young).toMatchObject({ status: 'completed', entityCount: 1, backend: { version: '2.0.0' } });
    expect(versionOf('edge')).toBe('2.0.0');
    expect(loadedPids()).toContain(oldChild);
    expect(loadedPids()).toHaveLength(2);
    expect(await open()).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
    await expect.poll(loadedPids, POLL).not.toContain(oldChild);
    expect(isAlive(oldChild)).toBe(false);
    expect(loadedPids()).toHaveLength(1);
  });

  test('all its policies move together, with one import and one line in the log', async () => {
    deploy('1.0.0');
    const names = Array.from({ length: 1_200 }, (_, index) => `p${index}`);
    await policies.apply(Object.fromEntries(names.map((name) => [name, rarely()])));
    await policies.apply({ late: rarely() });
    deploy('2.0.0');
    const runs = await Promise.all([run('p7'), run('p8'), run('late')]);
    expect(runs.map(({ backend: { version } }) => version)).toEqual(['2.0.0', '2.0.0', '2.0.0']);
    expect(new Set([...names, 'late'].map(versionOf))).toEqual(new Set(['2.0.0']));
    expect(countOf('described', '2.0.0')).toBe(1);
    expect(logged(/: version 2/)).toEqual([
      `Package ${bundle}: version 2.0.0 takes the place of 1.0.0 in 1201 policies`,
    ]);
  });

  test('ten thousand runs at once cost two looks: one that was under way, and one that began after they asked', async () => {
    let looks = 0;
    const link = {
      seen: 'same',
      look: async () => {
        looks++;
        return 'same';
      },
    };
    const parts = { clock: new HeldClock(), log: policies.log, host: warm };
    const follower = new BundleFollower(bundle, link, parts, () => undefined);
    await Promise.all(Array.from({ length: 10_000 }, () => follower.catchUp()));
    expect(looks).toBe(2);
    await follower.catchUp();
    expect(looks).toBe(3);
  });

  test('the next policy that names it has the new version, the others with their next run', async () => {
    deploy('1.0.0');
    await policies.apply({ old: rarely() });
    deploy('2.0.0');
    await policies.apply({ young: rarely() });
    expect([versionOf('old'), versionOf('young')]).toEqual(['1.0.0', '2.0.0']);
    await run('young');
    expect([versionOf('old'), versionOf('young')]).toEqual(['2.0.0', '2.0.0']);
    expect(countOf('imported', '2.0.0')).toBe(1);
  });

  test('back, runs have the version from before, while those of the other one end', async () => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    await run('edge');
    deploy('2.0.0');
    const { open } = await runUntilOpened('edge');
    bundles.point(bundle, '1.0.0');
    await policies.replace('edge', { ...rarely(), steps: [] });
    expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
    expect(await open()).toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
    expect(versionOf('edge')).toBe('1.0.0');
    await expect.poll(loadedPids, POLL).toHaveLength(1);
  });

  test('and the old files are deleted at once, nobody notices', async () => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    const { open } = await runUntilOpened('edge');
    deploy('2.0.0');
    rmSync(bundles.folderOf(bundle, '1.0.0'), { recursive: true });
    await policies.replace('edge', { ...rarely(), steps: [] });
    expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
    expect(await open()).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
  });

  test('a policy that is put in its place anew has the new version', async () => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    deploy('2.0.0');
    expect(await policies.replace('edge', { ...rarely(), scope: 'other' })).toBe('replaced');
    expect(versionOf('edge')).toBe('2.0.0');
  });
});

describe('a new version that cannot be used', () => {
  const broken: [string, () => void, RegExp][] = [
    ['does not import', () => deploy('2.0.0', `throw new Error('no licence');`), /no licence/],
    ['has no backend', () => deploy('2.0.0', 'export const x = 1;'), /it has no default export/],
    [
      'describes itself badly',
      () => deploy('2.0.0', backend('', `describe: () => ({ name: '' }),`)),
      /must return a non-empty string as 'name'/,
    ],
    [
      'throws while it describes itself',
      () => deploy('2.0.0', backend('', `describe() { throw new Error('no token'); },`)),
      /no token/,
    ],
    [
      'has schemas that exit',
      () =>
        deploy(
          '2.0.0',
          backend(
            '',
            `config: { '~standard': { version: 1, vendor: 'x', validate: () => process.exit(5) } },`,
          ),
        ),
      /The schemas of package '\w+' could not be used/,
    ],
    ['is nowhere', () => bundles.link(bundle, 'versions/gone'), /leads nowhere/],
    ['is the link itself', () => bundles.link(bundle, 'current'), /leads back to itself/],
    ['lies outside of the root', () => bundles.link(bundle, '/tmp'), /leads out of the bundles root/],
  ];

  test.each(broken)('because it %s leaves the old one in place, and says so', async (_, breakIt, why) => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely(), other: rarely() });
    breakIt();
    for (const name of ['edge', 'other']) {
      expect(await run(name)).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
    }
    for (const name of ['edge', 'other']) {
      const [warning, ...more] = warningsOf(name);
      expect(warning).toMatch(
        new RegExp(`^policies.${name}.config.package: the bundle leads to a version that cannot be used: `),
      );
      expect(warning).toMatch(why);
      expect(warning).toMatch(/; runs stay with version 1\.0\.0$/);
      expect(more).toEqual([]);
    }
    expect(logged(/: the bundle leads to/)).toEqual([
      expect.stringMatching(/; their runs stay with the version they have$/),
    ]);
    const refused = await errorOf(policies.apply({ young: rarely() }));
    expect(refused).toBeInstanceOf(BackendError);
    expect((refused as Error).message).toMatch(why);

    bundles.point(bundle, '1.0.0');
    await run('edge');
    expect([...warningsOf('edge'), ...warningsOf('other')]).toEqual([]);
  });

  test('is imported once, however many runs there are, and said again when another one is broken alike', async () => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    deploy('2.0.0', backend(`throw new Error('no licence');`));
    await Promise.all([run('edge'), run('edge'), run('edge')]);
    await run('edge');
    expect(countOf('imported', '2.0.0')).toBe(1);
    deploy('3.0.0', backend(`throw new Error('no licence');`));
    await run('edge');
    expect(logged(/no licence.*stay/)).toHaveLength(2);
    deploy('4.0.0');
    expect(await run('edge')).toMatchObject({ backend: { version: '4.0.0' } });
    expect(warningsOf('edge')).toEqual([]);
  });

  test('is refused for those policies alone that its schemas refuse', async () => {
    deploy('1.0.0');
    await policies.apply({ good: { ...rarely(), site: 'good' }, bad: { ...rarely(), site: 'poor' } });
    const schema = `config: { '~standard': { version: 1, vendor: 'x', validate: (value) => value.site === 'good'
      ? { value } : { issues: [{ message: 'what is ' + value.site + '?', path: ['site'] }] } } },`;
    deploy('2.0.0', backend('', schema));
    expect(await run('bad')).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
    expect(await run('good')).toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
    expect(warningsOf('good')).toEqual([]);
    expect(warningsOf('bad')).toEqual([
      'policies.bad.config.site: version 2.0.0 refuses this: what is poor?; runs stay with version 1.0.0',
    ]);
    expect(logged(/: version 2/)).toEqual([
      `Package ${bundle}: version 2.0.0 takes the place of 1.0.0 in 1 policy`,
      `Package ${bundle}: version 2.0.0 refuses 1 policy, policies.bad.config.site: what is poor?; its runs stay with the version it has`,
    ]);
    deploy('3.0.0');
    await run('good');
    expect([versionOf('good'), versionOf('bad'), ...warningsOf('bad')]).toEqual(['3.0.0', '3.0.0']);
    await expect.poll(loadedPids, POLL).toHaveLength(1);
  });

  test('does not bring an installed package of the same name in', async () => {
    bundle = 'strict';
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    bundles.unlink(bundle);
    expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
    expect(warningsOf('edge')).toEqual([expect.stringContaining('the bundle is gone')]);
    bundles.point(bundle, '1.0.0');
    await run('edge');
    expect(warningsOf('edge')).toEqual([]);
  });

  test('says in the runs’ reason that the old files are gone, when they are', async () => {
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    deploy('2.0.0', `throw new Error('no licence');`);
    rmSync(bundles.folderOf(bundle, '1.0.0'), { recursive: true });
    expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
    const [child = 0] = loadedPids();
    process.kill(child, 'SIGKILL');
    await expect.poll(loadedPids, POLL).toEqual([]);
    expect(await run('edge')).toMatchObject({
      status: 'failed',
      reason: 'its files are no longer there',
      backend: { version: '1.0.0' },
    });
    deploy('3.0.0');
    expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '3.0.0' } });
  });

  test('shows nothing of a variable’s value', async () => {
    policies = new Policies({ host: warm, env: { NAME: bundle, KEY: 'hunter22' } });
    deploy('1.0.0');
    await policies.apply({ edge: { ...rarely(), package: '${NAME}', key: '${KEY}' } });
    deploy('2.0.0', `throw new Error('bad key hunter22 for it');`);
    await run('edge');
    expect(warningsOf('edge')).toEqual([expect.stringContaining('bad key *** for')]);
    bundles.link(bundle, 'gone');
    await run('edge');
    expect(JSON.stringify([warningsOf('edge'), logged(/^Package/)])).not.toMatch(
      new RegExp(`hunter22|${bundle}`),
    );
  });
});

describe('a version that could not be used for a moment', () => {
  test('is tried again after a minute, and no run waits for that', async () => {
    const clock = new HeldClock(Date.UTC(2026, 0, 1, 12));
    policies = new Policies({ host: warm, clock });
    const ready = path.join(bundles.path, bundle, 'ready');
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    deploy('2.0.0', backend(`if (!existsSync(${JSON.stringify(ready)})) throw new Error('not yet');`));
    await run('edge');
    await clock.advance(59_000);
    writeFileSync(ready, '');
    await run('edge');
    expect([versionOf('edge'), countOf('imported', '2.0.0')]).toEqual(['1.0.0', 1]);
    await clock.advance(1_000);
    expect(await run('edge')).toMatchObject({ backend: { version: '1.0.0' } });
    await expect.poll(() => versionOf('edge'), POLL).toBe('2.0.0');
    expect(warningsOf('edge')).toEqual([]);
    expect(await run('edge')).toMatchObject({ backend: { version: '2.0.0' } });
  });

  test('is taken with the next run as soon as another policy could be applied with it', async () => {
    const ready = path.join(bundles.path, bundle, 'ready');
    deploy('1.0.0');
    await policies.apply({ edge: rarely() });
    deploy('2.0.0', backend(`if (!existsSync(${JSON.stringify(ready)})) throw new Error('not yet');`));
    await run('edge');
    writeFileSync(ready, '');
    await policies.apply({ young: rarely() });
    expect(await run('edge')).toMatchObject({ backend: { version: '2.0.0' } });
    expect(warningsOf('edge')).toEqual([]);
  });
});

describe('while a new version is being imported', () => {
  let gate: string;
  beforeEach(() => {
    gate = path.join(bundles.path, bundle, 'gate');
    deploy('1.0.0');
  });

  /** A version whose import takes until the gate is there. */
  const deploySlow = (version: string): void =>
    deploy(version, backend(`while (!existsSync(${JSON.stringify(gate)})) await pause(5);`));
  const isImporting = (version: string): Promise<boolean> =>
    vi.waitUntil(() => countOf('imported', version) > 0, {
      interval: 5,
      timeout: 10_000,
    });

  test('a run waits for it, and is cancelled at once when somebody says so', async () => {
    await policies.apply({ edge: rarely() });
    deploySlow('2.0.0');
    const [first, second] = [policies.registry.submit('edge'), policies.registry.submit('edge')];
    await isImporting('2.0.0');
    expect([first.status, second.status]).toEqual(['pending', 'pending']);
    policies.coordinator.cancelRun(first.id, 'enough');
    expect(first).toMatchObject({ status: 'cancelled', reason: 'enough' });
    writeFileSync(gate, '');
    expect(await policies.finished(second)).toMatchObject({
      status: 'completed',
      backend: { version: '2.0.0' },
    });
    expect(first.status).toBe('cancelled');
    expect(await run('edge')).toMatchObject({ backend: { version: '2.0.0' } });
  });

  test('policies that come have it, too, and those that go leave nothing behind', async () => {
    await policies.apply({ edge: rarely(), gone: rarely() });
    deploySlow('2.0.0');
    const waiting = policies.registry.submit('edge');
    await isImporting('2.0.0');
    const applied = policies.apply({ young: rarely() });
    await policies.registry.delete('gone');
    writeFileSync(gate, '');
    await applied;
    await policies.finished(waiting);
    expect([versionOf('edge'), versionOf('young')]).toEqual(['2.0.0', '2.0.0']);
    expect(countOf('imported', '2.0.0')).toBe(1);
    await policies.registry.delete('edge');
    await policies.registry.delete('young');
    await expect.poll(loadedPids, POLL).toEqual([]);
  });

  test('the link may move on: the run has what it leads to at last', async () => {
    await policies.apply({ edge: rarely() });
    deploySlow('2.0.0');
    const first = policies.registry.submit('edge');
    await isImporting('2.0.0');
    deploy('3.0.0');
    const second = policies.registry.submit('edge');
    writeFileSync(gate, '');
    expect(await policies.finished(first)).toMatchObject({ backend: { version: '2.0.0' } });
    expect(await policies.finished(second)).toMatchObject({ backend: { version: '3.0.0' } });
    await expect.poll(loadedPids, POLL).toHaveLength(1);
  });

  test('a stop does not wait for it', async () => {
    const host = await openWarmHost(bundles.path);
    policies = new Policies({ host });
    await policies.apply({ edge: rarely() });
    deploySlow('2.0.0');
    const waiting = policies.registry.submit('edge');
    await isImporting('2.0.0');
    policies.registry.stop();
    await policies.coordinator.stop(1_000);
    await host.stop();
    expect(waiting).toMatchObject({ status: 'cancelled', reason: 'the daemon was stopped' });
    expect(host.children()).toEqual([]);
    expect(logged(/cannot be used/)).toEqual([]);
  });

  test('the last policy may go: nothing is left', async () => {
    await policies.apply({ edge: rarely() });
    deploySlow('2.0.0');
    policies.registry.submit('edge');
    await isImporting('2.0.0');
    await policies.registry.delete('edge');
    writeFileSync(gate, '');
    await expect.poll(loadedPids, POLL).toEqual([]);
  });
});
