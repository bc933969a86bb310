import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { descendantsOf, isAlive } from './real-daemon.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const programs = path.join(root, 'node_modules/.bin');
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

function isDaemon(pid: number): boolean {
  try {
    return /orb-worker|dist\/main\.js/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return false;
  }
}

test.each([
  ['start', ['--dry-run', '--port', '0']],
  ['demo', []],
] as const)('npm run %s leaves no daemon when npm is told to end', async (name, words) => {
  const npm = spawn('npm', ['run', name, '--', ...words], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let shown = '';
  for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk) => (shown += chunk));
  await vi.waitUntil(() => /listen(s|ing) on http/i.test(shown), { timeout: 20_000 });
  const started = descendantsOf(npm.pid ?? 0);
  onTestFinished(() => {
    for (const pid of started.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  npm.kill('SIGTERM');
  await expect.poll(() => started.filter(isAlive)).toEqual([]);
});

test.each([
  ['torture', '--seed 1'],
  ['fuzz', 'routes'],
  ['bench', 'memory'],
] as const)('npm run %s leaves no daemon when it is told to end', async (name, words) => {
  const temporary = mkdtempSync(path.join(tmpdir(), 'orb-worker-together-'));
  // As npm runs it, on this repository's Node, with everything built already.
  const command = String(scripts[name]).replace('npm run build', 'true');
  const shell = spawn('sh', ['-c', `${command} ${words}`], {
    cwd: root,
    env: { ...process.env, PATH: `${programs}:${process.env.PATH}`, TMPDIR: temporary },
    stdio: 'ignore',
  });
  try {
    const exited = once(shell, 'exit');
    await vi.waitUntil(() => descendantsOf(shell.pid ?? 0).some(isDaemon), { timeout: 20_000 });
    const started = descendantsOf(shell.pid ?? 0);
    shell.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
    await expect.poll(() => started.filter(isAlive)).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});
