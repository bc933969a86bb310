import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FoundPackage, findPackage } from '../../src/backend/find-package.ts';
import { BackendError } from '../../src/errors.ts';
import { PackageFolder } from './rig.ts';

let first: PackageFolder;
let second: PackageFolder;
let work: PackageFolder;

beforeAll(async () => {
  [first, second, work] = (await Promise.all([1, 2, 3].map(() => PackageFolder.create()))) as [
    PackageFolder,
    PackageFolder,
    PackageFolder,
  ];
});
afterAll(() => Promise.all([first, second, work].map((folder) => folder[Symbol.asyncDispose]())));

function find(name: string): Promise<FoundPackage> {
  const workingDirectory = path.join(work.path, 'deep', 'er');
  return findPackage(name, {
    bundlesRoot: undefined,
    backendsDirs: [first.path, second.path],
    workingDirectory,
  });
}

const INDEX = { 'index.js': '' };

describe('a package is found', () => {
  test('in the first backends directory that has it, before any other place', async () => {
    await second.add('both', INDEX, { version: '2.0.0' });
    await work.add('node_modules/both', INDEX, { version: '3.0.0' });
    expect(await find('both')).toMatchObject({
      name: 'both',
      version: '2.0.0',
      directory: `${second.path}/both`,
    });
    await first.add('both', INDEX, { version: '1.0.0' });
    expect(await find('both')).toMatchObject({ version: '1.0.0', directory: `${first.path}/both` });
  });

  test('under its scope', async () => {
    await second.add('@acme/collector', INDEX, { version: '1.2.3' });
    expect(await find('@acme/collector')).toMatchObject({ name: '@acme/collector', version: '1.2.3' });
  });

  test('in node_modules of the working directory and of the folders above it', async () => {
    await work.add('node_modules/above', INDEX);
    await work.add('deep/er/node_modules/near', INDEX);
    expect((await find('above')).directory).toBe(`${work.path}/node_modules/above`);
    expect((await find('near')).directory).toBe(`${work.path}/deep/er/node_modules/near`);
  });

  test('in node_modules of the daemon, and among the shipped backends', async () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    expect((await find('zod')).directory).toBe(path.join(root, 'node_modules/zod'));
    const shipped = await find('sample').catch((error: Error) => error.message);
    // Found, whether it was built already or not.
    expect(typeof shipped === 'string' ? shipped : shipped.directory).toMatch(
      /names no entry file|backends\/sample$/,
    );
  });

  test('without a version, as 0.0.0', async () => {
    await first.add('young', INDEX, { version: undefined });
    expect((await find('young')).version).toBe('0.0.0');
  });

  test('by its exports, then main, then index', async () => {
    const files = {
      'index.js': '',
      'lib/main.js': '',
      'lib/index.js': '',
      'esm.js': '',
      'cjs.cjs': '',
      'src.ts': '',
    };
    const entryOf = async (manifest: object): Promise<string> => {
      await first.add('entries', files, manifest);
      const { entryUrl, directory } = await find('entries');
      return path.relative(directory, fileURLToPath(entryUrl));
    };
    expect(await entryOf({})).toBe('index.js');
    expect(await entryOf({ main: './lib/main.js' })).toBe('lib/main.js');
    expect(await entryOf({ main: 'lib/main' })).toBe('lib/main.js');
    expect(await entryOf({ main: 'lib' })).toBe('lib/index.js');
    expect(await entryOf({ main: 'gone.js' })).toBe('index.js');
    expect(await entryOf({ main: 'lib/main.js', exports: './esm.js' })).toBe('esm.js');
    expect(
      await entryOf({
        exports: { '.': { browser: './index.js', require: './cjs.cjs', import: './esm.js' } },
      }),
    ).toBe('esm.js');
    expect(await entryOf({ exports: { node: './src.ts', default: './esm.js' } })).toBe('src.ts');
    await first.add('source', { 'index.ts': '' });
    expect((await find('source')).entryUrl).toMatch(/index\.ts$/);
  });

  test('with another fingerprint after it was changed', async () => {
    await first.add('changing', INDEX, { version: '1.0.0' });
    const before = await find('changing');
    expect((await find('changing')).fingerprint).toBe(before.fingerprint);
    await first.add('changing', { 'index.js': '// another' }, { version: '1.0.0' });
    expect((await find('changing')).fingerprint).not.toBe(before.fingerprint);
  });
});

describe('a package is refused', () => {
  const refusal = (name: string): Promise<string> =>
    find(name).then(
      () => 'it was found',
      (error: unknown) => {
        expect(error).toBeInstanceOf(BackendError);
        return (error as Error).message;
      },
    );

  test('that is nowhere, and it is said where it was looked for, without paths', async () => {
    expect(await refusal('nope')).toBe(
      "Failed to load a backend from package 'nope': there is no such package in the backends directories, " +
        'node_modules of the working directory or of the daemon, or the shipped backends',
    );
    await expect(
      findPackage('nope', { bundlesRoot: undefined, backendsDirs: [], workingDirectory: '/' }),
    ).rejects.toThrow(
      'there is no such package in node_modules of the working directory or of the daemon, or the shipped backends',
    );
  });

  test.each([
    '',
    '.',
    '..',
    './x',
    '../x',
    '/etc/passwd',
    'a/b',
    '@a',
    '@a/',
    '@a/b/c',
    '@a/..',
    '@../b',
    'a\\b',
    '..\\x',
    'C:\\x',
    'data:text/javascript,0',
    'http://127.0.0.1/x.js',
    'file:///etc/passwd',
    'node:fs',
    '.x',
    '.bin',
    ' a',
    'a ',
    'a\n',
    'a\0b',
    '%2e%2e',
    'ünï',
    '#imports',
    'a?b',
    '*',
    'x'.repeat(215),
  ])('whose name is %j', async (name) => {
    expect(await refusal(name)).toMatch(/this is not the name of a package$/);
  });

  test.each(['fs', 'path', 'child_process', 'fs/promises'])('that is Node’s own: %s', async (name) => {
    expect(await refusal(name)).toMatch(/this is a module of Node itself$|not the name of a package$/);
  });

  test('whatever its name is, unless it lies in one of the places', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (name) => {
        const found = await find(name).catch((error: unknown) => error);
        if (found instanceof BackendError) return;
        expect(found).toHaveProperty(
          'directory',
          expect.stringMatching(/node_modules|backends|orb-worker-test/),
        );
      }),
    );
  });

  test.each([
    ['is not JSON', { 'package.json': '{' }, /: its package\.json is not a JSON object$/],
    ['is a list', { 'package.json': '[]' }, /: its package\.json is not a JSON object$/],
    [
      'names an entry that is not there',
      { 'package.json': '{"exports": "./gone.js"}' },
      /: its package\.json names no entry file that exists/,
    ],
    [
      'exports nothing as a whole',
      { 'package.json': '{"exports": {"./part": "./index.js"}}', ...INDEX },
      /: its package\.json exports nothing to import: /,
    ],
    [
      'exports a folder',
      { 'package.json': '{"exports": "./lib"}', 'lib/x.js': '' },
      /names no entry file that exists/,
    ],
    [
      'leads out of it',
      { 'package.json': '{"main": "../outside.js"}' },
      /: its entry lies outside of the package$/,
    ],
    [
      'has nothing',
      { 'package.json': '{}' },
      /: its package\.json names no entry file that exists, and there is no index\.js or index\.ts$/,
    ],
  ])('whose package.json %s', async (_, files, message) => {
    await using folder = await PackageFolder.create();
    await writeFile(path.join(folder.path, 'outside.js'), '');
    await folder.add('broken', files);
    const refused = findPackage('broken', {
      bundlesRoot: undefined,
      backendsDirs: [folder.path],
      workingDirectory: '/',
    });
    await expect(refused).rejects.toThrow(message);
  });

  test('whose entry is a link out of it', async () => {
    await using folder = await PackageFolder.create();
    await writeFile(path.join(folder.path, 'secret.js'), '');
    await folder.add('linked', {});
    await symlink('../secret.js', path.join(folder.path, 'linked/index.js'));
    const refused = findPackage('linked', {
      bundlesRoot: undefined,
      backendsDirs: [folder.path],
      workingDirectory: '/',
    });
    await expect(refused).rejects.toThrow('its entry lies outside of the package');
  });

  test('that is TypeScript inside node_modules, but not when only a link lies there', async () => {
    await work.add('node_modules/typed-installed', { 'index.ts': '' });
    expect(await refusal('typed-installed')).toMatch(
      /its entry is TypeScript, which Node does not run inside node_modules/,
    );
    await work.add('elsewhere/typed-linked', { 'index.ts': '' });
    await mkdir(path.join(work.path, 'node_modules'), { recursive: true });
    await symlink('../elsewhere/typed-linked', path.join(work.path, 'node_modules/typed-linked'));
    expect((await find('typed-linked')).entryUrl).toMatch(/elsewhere\/typed-linked\/index\.ts$/);
  });
});
