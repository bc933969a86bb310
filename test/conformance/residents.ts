import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect } from 'vitest';
import { RealDaemon } from '../support/real-daemon.ts';
import { policy } from './support.ts';

// Backends that live in their process: what they set up, hand over by themselves, and tear down.

/** Where the resident backends are. */
export const backends = fileURLToPath(new URL('../support/backends', import.meta.url));
/** The schedule of a policy that does nothing but what its setup began. */
export const never = '0 0 1 1 *';

export interface RunReply {
  readonly id: string;
  readonly policy: string;
  readonly trigger: string;
  readonly status: string;
  readonly reason: string;
  readonly entity_count: number;
  readonly backend: { readonly version: string };
}

/** A folder of its own for each test, and the file there in which residents note what is done to them. */
export class Notes {
  #folder = '';

  /** Made before each test of this file, and gone after it. */
  static ofEachTest(): Notes {
    const notes = new Notes();
    beforeEach(() => {
      notes.#folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-residents-'));
    });
    afterEach(() => rmSync(notes.#folder, { recursive: true, force: true }));
    return notes;
  }

  get dataDir(): string {
    return path.join(this.#folder, 'data');
  }

  get file(): string {
    return path.join(this.#folder, 'notes');
  }

  /** All that was noted so far. */
  read(): string {
    return readFileSync(this.file, { encoding: 'utf8', flag: 'a+' });
  }

  /** A policy that listens on this port. */
  listener(port: number, scope: object = {}): string {
    return policy(
      'ears',
      'resident',
      { schedule: never },
      { mood: 'listens', port, notes: this.file, ...scope },
    );
  }
}

/** A daemon that sends to this target and has the resident backends. */
export const start = (target: string, ...flags: string[]): Promise<RealDaemon> =>
  RealDaemon.start([
    '--diode-target',
    target,
    '-c',
    'id',
    '-k',
    'secret',
    '--backends-dir',
    backends,
    ...flags,
  ]);

/** All runs in history, newest first. */
export async function runs(daemon: RealDaemon): Promise<readonly RunReply[]> {
  return (await daemon.request('/api/v1/runs')).json<{ runs: RunReply[] }>().runs;
}

/** Takes this port; 0: a free one. */
export async function occupy(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return server;
}

export const close = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));

export async function freePort(): Promise<number> {
  const server = await occupy(0);
  const address = server.address();
  await close(server);
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** What the resident that listens on this port says to this text. */
export async function post(port: number, body: string): Promise<string> {
  const reply = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    body,
    headers: { connection: 'close' },
  });
  return await reply.text();
}

/** Waits until somebody answers on this port. */
export async function postSoon(port: number, body: string): Promise<string> {
  await expect.poll(() => post(port, body).catch(() => 'nobody'), { timeout: 10_000 }).not.toBe('nobody');
  return await post(port, body);
}
