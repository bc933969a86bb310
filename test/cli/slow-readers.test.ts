import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { dryRunFlags, policy } from '../conformance/support.ts';
import { RealDaemon } from '../support/real-daemon.ts';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** A daemon whose log goes through a real pipe to a program that can be stopped, as an agent that hangs. */
class PipedDaemon implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly daemon: ChildProcess;
  readonly reader: ChildProcess;
  port = 0;

  private constructor(daemon: ChildProcess, reader: ChildProcess) {
    this.daemon = daemon;
    this.reader = reader;
    if (reader.stdout) createInterface({ input: reader.stdout }).on('line', (line) => this.lines.push(line));
  }

  static async start(flags: readonly string[]): Promise<PipedDaemon> {
    const dir = mkdtempSync(path.join(tmpdir(), 'piped-'));
    const fifo = path.join(dir, 'log');
    execFileSync('mkfifo', [fifo]);
    const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
    const end = await open(fifo, 'w');
    const daemon = spawn(process.execPath, [program, '--port', '0', ...flags], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', end.fd],
    });
    await end.close();
    rmSync(dir, { recursive: true });
    const piped = new PipedDaemon(daemon, reader);
    piped.port = Number((await piped.line(/Listening on http:\/\/[^ ]*:(\d+)/))[1]);
    return piped;
  }

  line(pattern: RegExp): Promise<RegExpExecArray> {
    return vi.waitUntil(() => this.lines.map((line) => pattern.exec(line)).find((match) => match !== null), {
      timeout: 10_000,
      interval: 10,
    });
  }

  async get(target: string): Promise<{ status: number; text: string; ms: number }> {
    const begunAt = performance.now();
    const reply = await fetch(`http://127.0.0.1:${this.port}${target}`);
    const text = await reply.text();
    return { status: reply.status, text, ms: performance.now() - begunAt };
  }

  /** Makes the daemon write many MiB of DEBUG lines, numbered. */
  async chatter(count: number, from = 0): Promise<void> {
    for (let n = from; n < from + count; n += 1) await this.get(`/api/v1/status?${n}=${'x'.repeat(30_000)}`);
  }

  async apply(name: string, packageName: string): Promise<void> {
    const reply = await fetch(`http://127.0.0.1:${this.port}/api/v1/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-yaml' },
      body: policy(name, packageName),
    });
    expect(reply.status).toBe(201);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.daemon, this.reader]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}

describe('a reader of the log that stands still', () => {
  test('holds up nothing; what it missed is counted, errors are kept, and it is told', async () => {
    await using piped = await PipedDaemon.start(['--debug', ...dryRunFlags()]);
    piped.reader.kill('SIGSTOP');
    await piped.chatter(300);
    await piped.apply('bad', 'throws');
    await vi.waitUntil(async () => (await piped.get('/api/v1/runs')).text.includes('did not answer'), {
      timeout: 5_000,
    });
    await piped.chatter(20, 300);
    const times: number[] = [];
    for (let n = 0; n < 50; n += 1) times.push((await piped.get('/api/v1/status')).ms);
    expect(times.toSorted((a, b) => a - b)[25]).toBeLessThan(50);
    const metrics = await piped.get('/metrics');
    const dropped = Number(/^orb_worker_log_dropped_lines_total (\d+)$/m.exec(metrics.text)?.[1]);
    expect(dropped).toBeGreaterThan(50);

    piped.reader.kill('SIGCONT');
    const told = await piped.line(/^WARNING: log: (\d+) log lines were dropped: their reader was too slow$/);
    expect(Number(told[1])).toBeGreaterThanOrEqual(dropped);
    expect(piped.lines).toContainEqual(expect.stringMatching(/^ERROR: .*the switch did not answer/));
    const numbers = piped.lines.flatMap((line) => /status\?(\d+)=/.exec(line)?.slice(1) ?? []).map(Number);
    expect(numbers.length).toBeGreaterThan(50);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('holds up a stop no longer than --stop-timeout', async () => {
    await using piped = await PipedDaemon.start(['--debug', '--stop-timeout', '1s', ...dryRunFlags()]);
    piped.reader.kill('SIGSTOP');
    await piped.chatter(20);
    const begunAt = performance.now();
    piped.daemon.kill('SIGTERM');
    const [status] = await once(piped.daemon, 'exit');
    expect(status).toBe(0);
    expect(performance.now() - begunAt).toBeLessThan(2_500);
  });

  test('gets the last lines if it reads on in time', async () => {
    await using piped = await PipedDaemon.start(['--debug', ...dryRunFlags()]);
    piped.reader.kill('SIGSTOP');
    await piped.chatter(20);
    piped.daemon.kill('SIGTERM');
    setTimeout(() => piped.reader.kill('SIGCONT'), 200);
    await once(piped.daemon, 'exit');
    await piped.line(/Stopped, nothing was left/);
    expect(piped.lines.filter((line) => line.includes('status?'))).toHaveLength(20);
  });

  test('and one that goes away leaves the daemon as it is', async () => {
    await using piped = await PipedDaemon.start(['--debug', ...dryRunFlags()]);
    piped.reader.kill('SIGKILL');
    await once(piped.reader, 'exit');
    await piped.chatter(20);
    expect((await piped.get('/api/v1/status')).status).toBe(200);
    piped.daemon.kill('SIGTERM');
    expect(await once(piped.daemon, 'exit')).toEqual([0, null]);
  });
});

describe('a dry run whose output', () => {
  const flags = ['--dry-run', ...dryRunFlags().slice(3)];
  const many = policy('many', 'many', { count: 100_000 });

  test('nobody reads waits with its run, and with nothing else', async () => {
    const daemon = await RealDaemon.start(flags);
    daemon.process.stdout?.pause();
    await daemon.apply(many);
    const waiting = async (): Promise<boolean> =>
      /^orb_worker_delivery_waiting_batches [1-9]/m.test((await daemon.request('/metrics')).text);
    await vi.waitUntil(waiting, { timeout: 10_000 });
    const { runs } = (await daemon.request('/api/v1/runs')).json<{ runs: { status: string }[] }>();
    expect(runs[0]?.status).toMatch(/running|delivering/);
    const begunAt = performance.now();
    expect(await daemon.stop()).toBe(0);
    expect(performance.now() - begunAt).toBeLessThan(3_000);
  });

  test('goes nowhere any more fails its run, and nothing else', async () => {
    await using daemon = await RealDaemon.start(flags);
    daemon.process.stdout?.destroy();
    await daemon.apply(many);
    await daemon.line(
      /runner: Policy many: .* entities rejected: Dry run cannot write to stdout: write EPIPE/,
    );
    expect((await daemon.request('/api/v1/status')).status).toBe(200);
  });
});
