import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FoundPackage, findPackage } from '../../src/backend/find-package.ts';
import { BackendError } from '../../src/errors.ts';
import { BundlesRoot } from '../support/bundles-root.ts';
import { PackageFolder } from './rig.ts';

let bundles: BundlesRoot;
let installed: PackageFolder;
beforeEach(async () => {
  bundles = new BundlesRoot();
  installed = await PackageFolder.create();
});
afterEach(async () => {
  bundles[Symbol.dispose]();
  await installed[Symbol.asyncDispose]();
});

function find(name: string, bundlesRoot = bundles.path): Promise<FoundPackage> {
  return findPackage(name, { bundlesRoot, backendsDirs: [installed.path], workingDirectory: installed.path });
}

async function refusal(name: string, bundlesRoot?: string): Promise<string> {
  const error = await find(name, bundlesRoot).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BackendError);
  return (error as Error).message;
}

function deploy(name: string, version = '1.0.0'): void {
  bundles.add(name, version, '');
  bundles.point(name, version);
}

describe('a bundle is found', () => {
  test('by the link to its current version, before any other package of its name', async () => {
    await installed.add('both', { 'index.js': '' }, { version: '9.0.0' });
    expect(await find('both')).toMatchObject({ version: '9.0.0', link: undefined });
    deploy('both');
    expect(await find('both')).toMatchObject({
      name: 'both',
      version: '1.0.0',
      directory: bundles.folderOf('both', '1.0.0'),
      link: expect.anything(),
    });
  });

  test('where the link leads when it is looked for', async () => {
    deploy('moving');
    deploy('moving', '1.1.0');
    expect((await find('moving')).version).toBe('1.1.0');
    bundles.point('moving', '1.0.0');
    expect((await find('moving')).version).toBe('1.0.0');
  });

  test.each([
    ['a_b-c', 'a-b-c'],
    ['a-b-c', 'a_b_c'],
    ['@acme/a_b', '@acme/a-b'],
  ])('%s in the folder %s, unless there is one of the very name', async (name, folder) => {
    deploy(folder);
    expect(await find(name)).toMatchObject({ name, version: '1.0.0' });
    deploy(name, '2.0.0');
    expect(await find(name)).toMatchObject({ name, version: '2.0.0' });
  });

  test('under each of its names as a package of its own', async () => {
    deploy('two-names');
    const [one, other] = [await find('two-names'), await find('two_names')];
    expect(one.directory).toBe(other.directory);
    expect(one.fingerprint).not.toBe(other.fingerprint);
  });

  test('by links on the way: to the root, to the versions, of the bundle itself', async () => {
    deploy('linked');
    const root = path.join(installed.path, 'root');
    symlinkSync(bundles.path, root);
    renameSync(path.join(bundles.path, 'linked'), path.join(bundles.path, 'elsewhere'));
    symlinkSync('elsewhere', path.join(bundles.path, 'linked'));
    expect(await find('linked', root)).toMatchObject({ version: '1.0.0' });
    expect(await find('linked', 'root')).toMatchObject({ version: '1.0.0' });
  });

  test('only from the moment that the root is there', async () => {
    const root = path.join(bundles.path, 'later');
    expect(await refusal('late', root)).toMatch(/there is no such package in the bundles root, the backends/);
    bundles.add('later/late', '1.0.0', '');
    bundles.point('later/late', '1.0.0');
    expect(await find('late', root)).toMatchObject({ version: '1.0.0' });
  });
});

describe('what is no bundle is looked for elsewhere', () => {
  test.each<[string, () => void]>([
    ['a folder without a link', () => mkdirSync(path.join(bundles.path, 'stray'))],
    ['a file', () => writeFileSync(path.join(bundles.path, 'stray'), '')],
    ['a link to nowhere in place of its folder', () => symlinkSync('gone', path.join(bundles.path, 'stray'))],
  ])('%s', async (_, make) => {
    make();
    await installed.add('stray', { 'index.js': '' }, { version: '9.0.0' });
    expect(await find('stray')).toMatchObject({ version: '9.0.0', link: undefined });
  });
});

describe('a bundle is refused', () => {
  // There is always an installed one, which is not taken in its place.
  beforeEach(async () => void (await installed.add('bad', { 'index.js': '' })));

  test.each<[string, () => void, string]>([
    ['to nowhere', () => bundles.link('bad', 'versions/gone'), "its bundle's link 'current' leads nowhere"],
    ['to itself', () => bundles.link('bad', 'current'), "its bundle's link 'current' leads back to itself"],
    [
      'round in a circle',
      () => {
        bundles.link('bad', 'other');
        symlinkSync('current', path.join(bundles.path, 'bad', 'other'));
      },
      "its bundle's link 'current' leads back to itself",
    ],
    [
      'to another place',
      () => bundles.link('bad', path.join(installed.path, 'bad')),
      "its bundle's link 'current' leads out of the bundles root",
    ],
    [
      'to another place by dots',
      () => bundles.link('bad', path.relative(path.join(bundles.path, 'bad'), installed.path)),
      "its bundle's link 'current' leads out of the bundles root",
    ],
    [
      'to the root',
      () => bundles.link('bad', '..'),
      "its bundle's link 'current' leads out of the bundles root",
    ],
    ['to the bundle', () => bundles.link('bad', '.'), 'its bundle has no package.json'],
    [
      'into a file',
      () => {
        bundles.add('bad', '1.0.0', '');
        bundles.link('bad', 'versions/1.0.0/index.js/x');
      },
      "its bundle's link 'current' leads nowhere",
    ],
    [
      'to a version whose entry lies outside of it',
      () => {
        bundles.add('bad', '1.0.0', '', { main: '../2.0.0/index.js' });
        bundles.add('bad', '2.0.0', '');
        bundles.point('bad', '1.0.0');
      },
      'its entry lies outside of the package',
    ],
  ])('whose link leads %s', async (_, make, why) => {
    make();
    expect(await refusal('bad')).toBe(`Failed to load a backend from package 'bad': ${why}`);
  });

  test('when the root cannot be read', async () => {
    const loop = path.join(bundles.path, 'loop');
    symlinkSync('loop', loop);
    expect(await refusal('bad', loop)).toMatch(/: the bundles root cannot be read \(ELOOP\)$/);
    const locked = path.join(bundles.path, 'locked');
    mkdirSync(locked, { mode: 0 });
    await asNobody([bundles.path, installed.path], async () => {
      expect(await refusal('bad', locked)).toMatch(/: its bundle cannot be read \(EACCES\)$/);
      expect(await refusal('bad', path.join(locked, 'x'))).toMatch(
        /: the bundles root cannot be read \(EACCES\)$/,
      );
    });
  });
});

/** Root may read everything: for such tests it is somebody else for a moment. */
async function asNobody(folders: readonly string[], work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0 || process.seteuid === undefined) return await work();
  for (const folder of folders) chmodSync(folder, 0o755);
  process.seteuid(65_534);
  try {
    await work();
  } finally {
    process.seteuid(0);
  }
}

describe('a look at the link', () => {
  const lookAt = async (name: string): Promise<FoundPackage['link']> => (await find(name)).link;

  test('sees the same as long as nothing is moved', async () => {
    deploy('still');
    const link = await lookAt('still');
    expect(await link?.look()).toBe(link?.seen);
    expect((await lookAt('still'))?.seen).toBe(link?.seen);
  });

  test('sees another version, and the one before when the link is moved back', async () => {
    deploy('moving', '2.0.0');
    deploy('moving');
    const link = await lookAt('moving');
    bundles.point('moving', '2.0.0');
    expect(await link?.look()).not.toBe(link?.seen);
    bundles.point('moving', '1.0.0');
    expect(await link?.look()).toBe(link?.seen);
  });

  test('sees a version that was unpacked anew into the same folder, byte for byte, with the times it was packed with', async () => {
    deploy('same');
    const file = path.join(bundles.folderOf('same', '1.0.0'), 'package.json');
    utimesSync(file, 499_162_500, 499_162_500);
    const found = await find('same');
    rmSync(bundles.folderOf('same', '1.0.0'), { recursive: true });
    bundles.add('same', '1.0.0', '');
    utimesSync(file, 499_162_500, 499_162_500);
    expect(await found.link?.look()).not.toBe(found.link?.seen);
    expect((await find('same')).fingerprint).not.toBe(found.fingerprint);
  });

  test('never fails: a link to nowhere, to itself, or no link at all are other places', async () => {
    deploy('gone');
    const link = await lookAt('gone');
    const seen = [link?.seen];
    for (const change of [
      () => bundles.link('gone', 'nowhere'),
      () => bundles.link('gone', 'current'),
      () => bundles.unlink('gone'),
      () => bundles[Symbol.dispose](),
    ]) {
      change();
      seen.push(await link?.look());
    }
    expect(seen.slice(1)).toEqual(['ENOENT', 'ELOOP', 'ENOENT', 'ENOENT']);
  });
});
