import { describe, expect, test } from 'vitest';
import { Container } from './container.ts';

const dryRun = ['orb-worker', '--host', '127.0.0.1', '--port', '0', '--dry-run'];

describe.each([
  ['a root that cannot be written to', ['--read-only', '--tmpfs', '/tmp']],
  ['nowhere to write to at all', ['--read-only']],
  ['no capabilities', ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']],
  ['a user nobody knows, of group 0', ['--user', '12345:0']],
  ['a user and a group nobody knows', ['--user', '12345:54321', '--read-only', '--cap-drop', 'ALL']],
  ['root for its user', ['--user', 'root']],
  ["an init of Docker's", ['--init']],
  ['half a gigabyte of memory', ['--memory', '512m']],
])('with %s', (_name, flags) => {
  test('the shipped backends run, and it is healthy', async () => {
    await using container = await Container.start(dryRun, { flags });
    const ingested = /Successfully ingested \d+ entit/;
    expect(await container.runOnce('sample', [{ name: 'r1' }], { site: 'Lab' })).toMatch(ingested);
    expect(await container.runOnce('host', {})).toMatch(ingested);
    await container.becomes('healthy');
  });
});

test.each([
  ['its own user', []],
  ['a user nobody knows, of group 0', ['--user', '12345:0']],
])('%s may write where it starts', async (_name, flags) => {
  await using container = await Container.start([...dryRun, '--dry-run-output-dir', 'out'], { flags });
  await container.runOnce('sample', [{ name: 'r1' }], { site: 'Lab' });
  expect((await container.exec('ls', 'out')).text).toMatch(/^orb-worker-sample_\d+\.json$/);
});
