// Builds the container image and tests it: `npm run test:image`. With DOCKER_HOST it uses that Docker engine; without,
// it starts one of its own, which as root on Debian needs nothing but the packages docker.io and debootstrap.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Engine } from './image/engine.ts';
import { missingNeeds } from './image/needs.ts';
import { type RunOptions, run } from './image/run.ts';
import { importStandIn } from './image/stand-in.ts';

/** Nothing was tested, because this machine cannot. */
class CannotRun extends Error {
  static readonly exitStatus = 3;
}

function cannotRun(cause: unknown): never {
  throw new CannotRun(messageOf(cause), { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const buildCommand = ['build', '--no-cache', '-t', 'worker:develop', '-f', 'docker/Dockerfile', '.'];
const startedAt = performance.now();

async function main(signal: AbortSignal): Promise<void> {
  if (process.env.DOCKER_HOST) return await buildAndTest({ env: process.env, signal });
  const needs = missingNeeds();
  if (needs.length > 0) throw new CannotRun(needs.join('; '));
  const folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-image-'));
  say(`Starting a Docker engine in ${folder}`);
  const engine = await Engine.start(folder).catch(cannotRun);
  try {
    const options = { signal, env: { ...process.env, DOCKER_HOST: engine.address } };
    say('Making a stand-in for the base image, which this engine cannot pull');
    await importStandIn(folder, options).catch(cannotRun);
    await buildAndTest(options);
  } finally {
    say('Stopping the engine, removing its folder');
    await engine.stop();
  }
}

async function buildAndTest(options: RunOptions): Promise<void> {
  const [build = '', ...rest] = buildCommand;
  say(['docker', ...buildCommand].join(' '));
  // Our engine has no network of its own to give.
  await run('docker', [build, '--network', 'host', ...rest], options);
  say('Testing the image');
  await run('vitest', ['run', '--config', 'vitest.image.config.ts'], { ...options, isShown: true });
}

function say(text: string): void {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(3);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
try {
  await main(stop.signal);
} catch (error) {
  const isMachine = error instanceof CannotRun && !stop.signal.aborted;
  say(isMachine ? `The image was not tested: ${error.message}` : messageOf(error));
  process.exitCode = isMachine ? CannotRun.exitStatus : 1;
}
