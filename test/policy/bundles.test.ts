import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { BundleFollower } from '../../src/policy/bundle-follower.ts';
import { openWarmHost } from '../run/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { isAlive } from '../support/real-daemon.ts';
import {
  backend,
  bundle,
  bundles,
  countOf,
  deploy,
  loadedPids,
  logged,
  POLL,
  policies,
  rarely,
  run,
  runUntilOpened,
  setUpBundles,
  usePolicies,
  versionOf,
  warm,
} from './bundle.ts';

setUpBundles();

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
    usePolicies({ host });
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
