import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../readme/blocks.ts';
import { Container } from './container.ts';

const [build, ...others] = blocksOf('bash').map((block) => block.trim());

test('the README builds the image as it was built for these tests', () => {
  expect(build).toBe('docker build --no-cache -t worker:develop -f docker/Dockerfile .');
});

describe('the commands of the README', () => {
  /** In the background, on this machine's network, on a free port of loopback. */
  const here = [
    'docker run --detach --network host',
    '-e ORB_WORKER_HOST=127.0.0.1 -e ORB_WORKER_PORT=0 --health-interval 1s',
  ].join(' ');

  const home = mkdtempSync(path.join(tmpdir(), 'readme-'));
  afterAll(() => rmSync(home, { recursive: true }));

  test.each(others)('start a healthy daemon: %s', async (command) => {
    const published = / -p 127\.0\.0\.1:8071:8071 /;
    expect(command).toMatch(/^docker run /);
    expect(command).toMatch(published);
    const ours = command.replace('docker run', here).replace(published, ' ');
    const env = { ...process.env, HOME: home, DIODE_CLIENT_SECRET: 'a-secret' };
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', ours], { env });
    await using container = Container.of(stdout.trim());
    await container.becomes('healthy');
  });
});
