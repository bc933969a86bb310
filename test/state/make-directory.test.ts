import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDirectory } from '../../src/state/thread/make-directory.ts';
import { temporaryDirectory } from './support.ts';

test('a directory is made with those that it lies in, for its owner alone', () => {
  const root = temporaryDirectory();
  makeDirectory(join(root, 'a/b/c'));
  for (const made of ['a', 'a/b', 'a/b/c']) expect(statSync(join(root, made)).mode & 0o777).toBe(0o700);
});

test('one that is there is left as it is', () => {
  const there = join(temporaryDirectory(), 'there');
  mkdirSync(there, { mode: 0o750 });
  makeDirectory(there);
  expect(statSync(there).mode & 0o777).toBe(0o750);
});

test('where none can be made the system says why', () => {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'file'), '');
  symlinkSync(join(root, 'nowhere'), join(root, 'link'));
  expect(() => makeDirectory('/proc/orb-worker')).toThrow('ENOENT');
  expect(() => makeDirectory('/proc/orb-worker/a/b')).toThrow('ENOENT');
  expect(() => makeDirectory(join(root, 'file'))).toThrow('EEXIST');
  expect(() => makeDirectory(join(root, 'file/a'))).toThrow('ENOTDIR');
  expect(() => makeDirectory(join(root, 'link/a'))).toThrow('EEXIST');
});
