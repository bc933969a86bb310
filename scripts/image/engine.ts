import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run.ts';

const startTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;
const linesKept = 20;

/**
 * A Docker engine of our own: nothing of it lies outside its folder, and it changes nothing of the machine's network.
 * Containers thus have the machine's network or none.
 */
export class Engine {
  /** What `DOCKER_HOST` is for its clients. */
  readonly address: string;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
    this.address = `unix://${path.join(folder, 'socket')}`;
    const flags = [
      ...['--bridge', 'none', '--iptables=false', '--ip6tables=false'],
      ...['--data-root', path.join(folder, 'data'), '--exec-root', path.join(folder, 'exec')],
      ...['--pidfile', path.join(folder, 'pid'), '--host', this.address],
    ];
    // In a group of its own, so that Ctrl-C leaves it to us to end it; if we cannot, the kernel does.
    this.#process = spawn('setpriv', ['--pdeathsig', 'TERM', 'dockerd', ...flags], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  /** Rejects with its last lines when it cannot work here. */
  static async start(folder: string): Promise<Engine> {
    const engine = new Engine(folder);
    try {
      await engine.#listens();
      return engine;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  /** Ends it with all its containers, and removes its folder. */
  async stop(): Promise<void> {
    await this.#end();
    for (const mount of mountsBelow(this.#folder)) await run('umount', ['--lazy', mount]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listens(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (why: string): void => reject(new Error([why, ...this.#lines].join('\n  ')));
    const timer = setTimeout(() => fail('dockerd does not come up:'), startTimeoutMs);
    this.#process.once('error', reject);
    this.#process.once('exit', (status) => fail(`dockerd ended with status ${status}:`));
    if (this.#process.stderr !== null) {
      createInterface({ input: this.#process.stderr }).on('line', (line) => {
        this.#lines.push(line);
        if (this.#lines.length > linesKept) this.#lines.shift();
        if (line.includes('API listen on')) resolve();
      });
    }
    await promise.finally(() => clearTimeout(timer));
  }

  async #end(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const isLate = await Promise.race([ended.then(() => false), sleep(stopTimeoutMs, true, { ref: false })]);
    // The kernel ends its containerd with it.
    if (isLate) this.#process.kill('SIGKILL');
    await ended;
  }
}

/** What is mounted there, the innermost first. */
function mountsBelow(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const points = mounts.map((line) => line.split(' ')[1] ?? '');
  return points.filter((point) => point.startsWith(`${folder}/`)).reverse();
}
