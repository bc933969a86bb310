import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KnownPackages } from '../../src/backend/known-packages.ts';
import { PackageFolder } from './rig.ts';

/** Two folders for packages; `seldom` is looked at first and `often` has the package `known`. */
class Places implements AsyncDisposable {
  readonly seldom: PackageFolder;
  readonly often: PackageFolder;
  readonly packages: KnownPackages;

  constructor(seldom: PackageFolder, often: PackageFolder, bundlesRoot?: string) {
    this.seldom = seldom;
    this.often = often;
    const backendsDirs = [seldom.path, often.path];
    this.packages = new KnownPackages({ bundlesRoot, backendsDirs, workingDirectory: seldom.path });
  }

  static async create(): Promise<Places> {
    const places = new Places(await PackageFolder.create(), await PackageFolder.create());
    await places.often.add('known', { 'lib/main.js': '' }, { version: '1.0.0', main: 'lib/main' });
    return places;
  }

  file(name: string): string {
    return path.join(this.often.path, 'known', name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.seldom[Symbol.asyncDispose](), this.often[Symbol.asyncDispose]()]);
  }
}

describe('a package that was found before', () => {
  test('is the same object as long as nothing was changed', async () => {
    await using places = await Places.create();
    expect(await places.packages.find('known')).toBe(await places.packages.find('known'));
  });

  test.each<[string, (places: Places) => Promise<unknown>, object]>([
    [
      'whose package.json was written anew',
      ({ often }) => often.add('known', {}, { version: '1.0.1', main: 'lib/main' }),
      { version: '1.0.1' },
    ],
    [
      'whose package.json has another in its place',
      async (places) => {
        await writeFile(places.file('next.json'), '{"version": "1.0.2", "main": "lib/main.js"}');
        await rename(places.file('next.json'), places.file('package.json'));
      },
      { version: '1.0.2' },
    ],
    [
      'which an earlier place has now',
      ({ seldom }) => seldom.add('known', { 'index.js': '' }, { version: '2.0.0' }),
      { version: '2.0.0' },
    ],
    [
      'which has an entry that comes before the other',
      (places) => writeFile(places.file('lib/main'), ''),
      { entryUrl: expect.stringMatching(/lib\/main$/) },
    ],
    [
      'whose folder is a link that leads elsewhere now',
      async ({ often }) => {
        await often.add('other', { 'index.js': '' }, { version: '3.0.0' });
        await rename(path.join(often.path, 'known'), path.join(often.path, 'old'));
        await symlink('other', path.join(often.path, 'known'));
      },
      { version: '3.0.0' },
    ],
  ])('and %s is found as it is now', async (_, change, expected) => {
    await using places = await Places.create();
    const before = await places.packages.find('known');
    await change(places);
    const after = await places.packages.find('known');
    expect(after).toMatchObject(expected);
    expect(after.fingerprint).not.toBe(before.fingerprint);
  });

  test('and whose entry was written anew has another fingerprint', async () => {
    await using places = await Places.create();
    const before = await places.packages.find('known');
    await writeFile(places.file('lib/main.js'), 'export default 1;');
    expect((await places.packages.find('known')).fingerprint).not.toBe(before.fingerprint);
  });

  test('and is gone is refused, until it is back', async () => {
    await using places = await Places.create();
    await places.packages.find('known');
    await rename(places.file(''), path.join(places.often.path, 'away'));
    await expect(places.packages.find('known')).rejects.toThrow('there is no such package');
    await rename(path.join(places.often.path, 'away'), places.file(''));
    expect(await places.packages.find('known')).toMatchObject({ version: '1.0.0' });
    await rm(places.file('lib/main.js'));
    await expect(places.packages.find('known')).rejects.toThrow('names no entry file that exists');
  });

  test('gives way to a bundle that comes later', async () => {
    await using places = await Places.create();
    const root = path.join(places.seldom.path, 'bundles');
    const { packages } = new Places(places.seldom, places.often, root);
    expect(await packages.find('known')).toMatchObject({ version: '1.0.0' });
    await places.seldom.add('bundles/known/4.0.0', { 'index.js': '' }, { version: '4.0.0' });
    await symlink('4.0.0', path.join(root, 'known/current'));
    expect(await packages.find('known')).toMatchObject({ version: '4.0.0' });
  });
});
