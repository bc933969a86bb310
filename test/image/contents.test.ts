import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runToEnd } from './container.ts';

interface Lock {
  readonly packages: Record<string, { readonly dev?: boolean }>;
}

const list = async (...command: string[]): Promise<string[]> => {
  const { status, text } = await runToEnd(['--network', 'none'], command);
  expect(status, text).toBe(0);
  return text.trim().split('\n');
};

test('it holds what npm would publish, the packages this needs, and nothing of the workshop', async () => {
  expect((await list('ls', '/opt/orb-worker')).toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'backends',
    'dist',
    'docker',
    'node_modules',
    'package.json',
    'packaging',
  ]);
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
  const ofTheWorkshop = Object.keys(packages).filter((place) => packages[place]?.dev === true);
  const installed = await list('sh', '-c', 'cd /opt/orb-worker; ls -d node_modules/* node_modules/@*/*');
  expect(installed).toContain('node_modules/fastify');
  expect(ofTheWorkshop).toContain('node_modules/vitest');
  expect(installed.filter((place) => ofTheWorkshop.includes(place))).toEqual([]);
  const sources = await list(
    'find',
    '/opt/orb-worker',
    '-name',
    '*.test.*',
    '-not',
    '-path',
    '*/node_modules/*',
  );
  expect(sources).toEqual(['']);
});

test('its user is not root, and can change nothing of it', async () => {
  expect(await list('id', '-un')).toEqual(['node']);
  expect(await list('find', '/opt', '/usr', '-writable', '-not', '-type', 'l')).toEqual(['']);
});

test('it says its version', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(await list('orb-worker', '--version')).toEqual([expect.stringContaining(` ${version}, `)]);
});
