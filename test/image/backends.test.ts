import path from 'node:path';
import { expect, test } from 'vitest';
import { Container } from './container.ts';

const packages = path.resolve('test/support/backends');
const dryRun = ['orb-worker', '--host', '127.0.0.1', '--port', '0', '--dry-run'];

test.each([
  ['in its own folder for them', '/opt/backends', []],
  ['in a folder that a flag names', '/srv/mine', ['--backends-dir', '/srv/mine']],
])('it finds backends %s, TypeScript too', async (_name, folder, flags) => {
  const volume = ['-v', `${packages}:${folder}:ro`];
  await using container = await Container.start([...dryRun, ...flags], { flags: volume });
  expect(await container.runOnce('plain', { count: 3 })).toContain('Successfully ingested 3 entities');
  expect(await container.runOnce('typed', [{ name: 'Lab' }])).toContain('Successfully ingested 1 entit');
});

test('it finds backends that are installed where it starts', async () => {
  const flags = ['-v', `${packages}:/var/lib/orb-worker/node_modules:ro`];
  await using container = await Container.start(dryRun, { flags });
  expect(await container.runOnce('plain', { count: 3 })).toContain('Successfully ingested 3 entities');
});

test('policies may name the variables that it was allowed', async () => {
  const flags = ['-e', 'SITE_NAME=Lab'];
  const command = [...dryRun, '--allow-env', 'SITE_*'];
  await using container = await Container.start(command, { flags });
  expect(await container.runOnce('sample', [{ name: 'r1' }], { site: '${SITE_NAME}' })).toContain(
    'Successfully',
  );
  expect(await container.log()).toContain('"Lab"');
});
