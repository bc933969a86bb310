import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readCommandLine } from '../../src/cli/command-line.ts';
import { type Daemon, startDaemon } from '../../src/daemon.ts';
import { Secrets } from '../../src/secrets.ts';
import { HeldClock } from '../support/held-clock.ts';
import { dryRunFlags, policy } from './support.ts';

// Case 49 of the sheet: a schedule that comes due while its run is at work.

const MINUTE_MS = 60_000;

interface RunReply {
  readonly status: string;
  readonly reason: string;
  readonly due_at: string;
}

async function startOn(clock: HeldClock, lines: string[]): Promise<Daemon> {
  const wish = readCommandLine(['--port', '0', ...dryRunFlags()], {});
  if (wish.kind !== 'daemon') throw new Error('these flags should start a daemon');
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const secrets = new Secrets();
  const stopRequested = new AbortController().signal;
  const surroundings = { clock, log, env: {}, secrets, droppedLogLines: () => 0, stopRequested };
  return await startDaemon(wish.options, surroundings);
}

test('49 a run that is due while one is at work is skipped with a warning, and fires at second 0', async () => {
  const clock = new HeldClock(Date.UTC(2031, 0, 1, 12, 0, 30));
  const lines: string[] = [];
  const daemon = await startOn(clock, lines);
  const url = `http://127.0.0.1:${daemon.port}/api/v1`;
  const runs = async () => ((await (await fetch(`${url}/runs`)).json()) as { runs: RunReply[] }).runs;
  try {
    const applied = await fetch(`${url}/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-yaml' },
      body: policy('minutely', 'slow', { schedule: '* * * * *' }),
    });
    expect(applied.status).toBe(201);
    await clock.advance(MINUTE_MS / 2);
    await expect.poll(async () => (await runs())[0]?.status, { timeout: 10_000 }).toBe('running');
    await clock.advance(MINUTE_MS);
    const [skipped, running] = await runs();
    expect(running).toMatchObject({ status: 'running', due_at: '2031-01-01T12:01:00.000Z' });
    expect(skipped).toMatchObject({ status: 'skipped', due_at: '2031-01-01T12:02:00.000Z' });
    expect(skipped?.reason).toContain('maximum number of running instances reached (1)');
    expect(lines.join('')).toMatch(/"level":40.*Policy minutely: .*maximum number of running instances/);
    const listed = (await (await fetch(`${url}/status`)).json()) as { policies: { runs: unknown[] }[] };
    expect(listed.policies[0]?.runs).toHaveLength(1);
  } finally {
    const stopped = daemon.stop();
    // What ignores its signal is cut off when its grace is over.
    await clock.advance(2_000);
    await stopped;
  }
}, 30_000);
