import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The program as it was built. */
export const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The answer to one request. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** The body read as JSON; throws when it is none. */
  json<T = unknown>(): T;
}

export interface RequestOptions {
  readonly method?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

export interface RealDaemonOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** How many files it may have open at once. */
  readonly openFiles?: number;
}

/** The built program as a process of its own, spoken to as a user would: flags, HTTP, signals. */
export class RealDaemon implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly port: number;
  readonly #lines: string[];
  readonly #watchers: Set<(line: string) => void>;
  readonly #stdout: string[];

  private constructor(child: ChildProcess, port: number, output: Output) {
    this.process = child;
    this.port = port;
    this.#lines = output.stderr;
    this.#watchers = output.watchers;
    this.#stdout = output.stdout;
  }

  /** Resolves when it listens; rejects with what it wrote when it ends before. */
  static async start(flags: readonly string[], options: RealDaemonOptions = {}): Promise<RealDaemon> {
    const { child, output } = launch(['--port', '0', ...flags], options);
    const listening = lineOf(output, /Listening on https?:\/\/[^ ]*:(\d+)/);
    const ended = once(child, 'exit').then(([status]) => {
      throw new Error(`the daemon ended with status ${status}:\n${output.stderr.join('\n')}`);
    });
    const match = await Promise.race([listening, ended]);
    ended.catch(() => undefined);
    return new RealDaemon(child, Number(match[1]), output);
  }

  /** What was written to stderr so far, a line each. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  get stdout(): string {
    return this.#stdout.join('');
  }

  /** Resolves with the first line, written before or after, that matches. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return lineOf({ stderr: this.#lines, watchers: this.#watchers, stdout: this.#stdout }, pattern);
  }

  request(path: string, { method = 'GET', body, headers = {} }: RequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = request(
        { host: '127.0.0.1', port: this.port, path, method, headers, agent: false },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('error', reject);
          reply.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: reply.statusCode ?? 0,
              headers: reply.headers,
              text,
              json: () => JSON.parse(text),
            });
          });
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }

  /** POSTs a policy document as curl with `--data-binary` would. */
  apply(document: string | Buffer, contentType = 'application/x-yaml'): Promise<Answer> {
    return this.request('/api/v1/policies', {
      method: 'POST',
      body: document,
      headers: { 'content-type': contentType },
    });
  }

  delete(name: string): Promise<Answer> {
    return this.request(`/api/v1/policies/${encodeURIComponent(name)}`, { method: 'DELETE' });
  }

  /** Ends it by a signal and resolves with its exit status (or the signal's name). */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    const child = this.process;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'exit');
    }
    return child.exitCode ?? child.signalCode ?? 'unknown';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.process.pid ?? 0;
    const children = isAlive(pid) ? descendantsOf(pid) : [];
    await this.stop();
    // The kernel takes a moment to end what it was told to kill.
    const deadline = performance.now() + 2_000;
    while (children.some(isAlive) && performance.now() < deadline) await pause(20);
    const left = children.filter(isAlive);
    if (left.length > 0) throw new Error(`processes outlived the daemon: ${left.join(', ')}`);
  }
}

/** Runs the program to its end, for what starts no daemon. */
export async function runProgram(
  flags: readonly string[],
  options: RealDaemonOptions = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const { child, output } = launch(flags, options);
  const [status] = await once(child, 'close');
  return { status, stdout: output.stdout.join(''), stderr: output.stderr.join('\n') };
}

interface Output {
  readonly stderr: string[];
  readonly stdout: string[];
  readonly watchers: Set<(line: string) => void>;
}

/** The program, whatever becomes of it. */
export function spawnProgram(
  flags: readonly string[],
  { env = {}, cwd, openFiles }: RealDaemonOptions = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const limit = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}`];
  const [command = '', ...words] = [...limit, process.execPath, program, ...flags];
  return spawn(command, words, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function launch(
  flags: readonly string[],
  options: RealDaemonOptions,
): { child: ChildProcess; output: Output } {
  const child = spawnProgram(flags, options);
  const output: Output = { stderr: [], stdout: [], watchers: new Set() };
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.stdout.push(text));
  createInterface({ input: child.stderr }).on('line', (line) => {
    output.stderr.push(line);
    for (const watch of output.watchers) watch(line);
  });
  return { child, output };
}

function lineOf(output: Output, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve) => {
    const watch = (line: string): boolean => {
      const match = pattern.exec(line);
      if (match === null) return false;
      output.watchers.delete(watch);
      resolve(match);
      return true;
    };
    if (!output.stderr.some(watch)) output.watchers.add(watch);
  });
}

/** Pids of all processes below `pid`, read from /proc. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Of all of its threads; none of a process that has ended meanwhile. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => childrenOfThread(pid, thread));
  } catch {
    return [];
  }
}

function childrenOfThread(pid: number, thread: string): number[] {
  try {
    const pids = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
    return pids.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** False for a process that is gone, or only waits to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
