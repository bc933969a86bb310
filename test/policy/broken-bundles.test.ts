import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { BackendError } from '../../src/errors.ts';
import { HeldClock } from '../support/held-clock.ts';
import {
  backend,
  bundle,
  bundles,
  countOf,
  deploy,
  loadedPids,
  logged,
  nameBundle,
  POLL,
  policies,
  rarely,
  run,
  setUpBundles,
  usePolicies,
  versionOf,
  warningsOf,
} from './bundle.ts';
import { errorOf } from './policies.ts';

setUpBundles();

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
    nameBundle('strict');
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
    usePolicies({ env: { NAME: bundle, KEY: 'hunter22' } });
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
    usePolicies({ clock });
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
