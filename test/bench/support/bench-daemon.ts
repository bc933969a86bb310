import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { descendantsOf } from '../../support/real-daemon.ts';
import type { Receiver } from './receiver.ts';

/** The program as it was built. */
export const program = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
const backends = fileURLToPath(new URL('../backends', import.meta.url));
const LOOK_AGAIN_MS = 5;
/** Runs say themselves when they ended, and each look at them costs the daemon some of its time. */
const LOOK_AT_RUNS_AGAIN_MS = 200;

/**
 * The built program as a process of its own. Its log goes to a file, as under systemd, so that nobody who reads it
 * takes time from what is measured.
 */
export class BenchDaemon implements AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(process: ChildProcess, port: number, directory: string) {
    this.#process = process;
    this.pid = process.pid ?? 0;
    this.port = port;
    this.#directory = directory;
  }

  /** @param flags beside those that every bench needs; @param nodeFlags for Node itself. */
  static async start(flags: readonly string[], nodeFlags: readonly string[] = []): Promise<BenchDaemon> {
    const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-bench-'));
    const log = path.join(directory, 'log');
    const all = [...nodeFlags, program, '--port', '0', '--backends-dir', backends, ...flags];
    const daemon = spawn(process.execPath, all, {
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      stdio: ['ignore', 'ignore', openSync(log, 'w')],
    });
    for (;;) {
      const text = readFileSync(log, 'utf8');
      const port = /Listening on http:\/\/[^ ]*:(\d+)/.exec(text)?.[1];
      if (port !== undefined) return new BenchDaemon(daemon, Number(port), directory);
      if (daemon.exitCode !== null) throw new Error(`the daemon ended:\n${text}`);
      await wait(LOOK_AGAIN_MS);
    }
  }

  /** A daemon that sends to `receiver`. */
  static startFor(receiver: Receiver, flags: readonly string[] = []): Promise<BenchDaemon> {
    const client = ['--diode-client-id', 'me', '--diode-client-secret', 'secret'];
    return BenchDaemon.start(['--diode-target', receiver.target, ...client, ...flags]);
  }

  /** Resolves with the body; rejects when the status is not 2xx. */
  request(route: string, method = 'GET', body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/x-yaml' };
      const options = {
        host: '127.0.0.1',
        port: this.port,
        path: route,
        method,
        headers,
        agent: this.#agent,
      };
      const call = request(options, (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        reply.on('error', reject);
        reply.on('end', () => {
          if (reply.statusCode !== undefined && reply.statusCode < 300) resolve(text);
          else reject(new Error(`${method} ${route}: ${reply.statusCode} ${text}`));
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  apply(document: string): Promise<string> {
    return this.request('/api/v1/policies', 'POST', document);
  }

  async delete(name: string): Promise<void> {
    await this.request(`/api/v1/policies/${name}`, 'DELETE');
  }

  /** The runs that are kept, the newest first. */
  async runs(query = ''): Promise<readonly BenchRun[]> {
    return JSON.parse(await this.request(`/api/v1/runs?limit=1000${query}`)).runs;
  }

  /** Resolves when `count` runs have ended; rejects when one did not complete. */
  async completed(count: number): Promise<readonly BenchRun[]> {
    for (;;) {
      const runs = await this.runs();
      const bad = runs.find(({ status }) => ['failed', 'cancelled', 'lost', 'skipped'].includes(status));
      if (bad) throw new Error(`a run ended as ${bad.status}: ${bad.reason}`);
      const ended = runs.filter(({ status }) => status === 'completed');
      if (ended.length >= count) return ended;
      await wait(LOOK_AT_RUNS_AGAIN_MS);
    }
  }

  /** Pids of the processes that it started. */
  children(): readonly number[] {
    return descendantsOf(this.pid);
  }

  /** Resident memory of it and of all that it started, MB. */
  treeMemory(): number {
    return [this.pid, ...this.children()].reduce((sum, pid) => sum + memoryOf(pid), 0);
  }

  /** What it wrote to its log. */
  get log(): string {
    return readFileSync(path.join(this.#directory, 'log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    this.#process.kill();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    rmSync(this.#directory, { recursive: true });
  }
}

/** A run as the API shows it, as far as benches look at it. */
export interface BenchRun {
  readonly id: string;
  readonly policy: string;
  readonly status: string;
  readonly reason: string;
  readonly entity_count: number;
  readonly started_at: string;
  readonly finished_at: string;
}

/** Resident memory of a process, MB: now, or the most it ever was. */
export function memoryOf(pid: number, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)?.[1]) / 1_000;
}

/** CPU time of a process so far, seconds. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const TICKS_PER_SECOND = 100;
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
