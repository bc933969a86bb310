import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { root } from './blocks.ts';

/** A command as a user's shell runs it, in a process group of its own, its output kept. */
export class Shell implements AsyncDisposable {
  /** Resolves with the exit status once everything is read. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #output = '';

  constructor(command: string, env: Record<string, string>) {
    this.#process = spawn('bash', ['-euo', 'pipefail', '-c', command], {
      cwd: root,
      detached: true,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.#process, 'close').then(([status]) => status);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#took(text));
    }
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves once the output matches; rejects with the output when the command ends before. */
  async shows(pattern: RegExp): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (pattern.test(this.#output)) resolve();
      else if (this.#isOver()) reject(new Error(`never showed ${pattern}:\n${this.#output}`));
    };
    this.#watchers.add(look);
    this.#process.once('close', look);
    look();
    await promise.finally(() => this.#watchers.delete(look));
  }

  /** Sends the whole group what Ctrl-C sends. */
  interrupt(): void {
    if (this.#process.pid !== undefined) process.kill(-this.#process.pid, 'SIGINT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver()) return;
    this.interrupt();
    await this.ended;
  }

  #isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #took(text: string): void {
    this.#output += text;
    for (const look of this.#watchers) look();
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
