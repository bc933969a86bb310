import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DeadLetterListReply, OpenedLetterReply, TraceReply } from '../../src/api/delivery-replies.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { RealDaemon, runProgram } from '../support/real-daemon.ts';
import { backendsDir, policy } from './support.ts';

// What becomes of entities that a Diode refuses, from the built program to the command line.

/** A reply of Ingest that complains of these entities, and takes the others. */
function complaint(...indexes: number[]): { reply: Buffer } {
  const errors = indexes.map((index) => Buffer.from(`entity at index ${index} is nil`));
  return { reply: Buffer.concat(errors.flatMap((error) => [Buffer.from([0x0a, error.length]), error])) };
}

const PATIENCE = { timeout: 10_000, interval: 20 };

const flagsFor = ({ target }: FakeDiode): string[] => [
  ...['-t', target, '-c', 'id', '-k', 'secret'],
  ...['--backends-dir', backendsDir],
];

let diode: FakeDiode;
let daemon: RealDaemon;
beforeEach(async () => {
  diode = await FakeDiode.start();
  daemon = await RealDaemon.start(flagsFor(diode));
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  await diode[Symbol.asyncDispose]();
});

const command = (...words: string[]) => runProgram([...words, '--port', String(daemon.port)]);

async function get<Reply>(path: string): Promise<Reply> {
  const answer = await daemon.request(path);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<Reply>();
}

interface Run {
  readonly id: string;
  readonly status: string;
  readonly reason: string;
  readonly entity_count: number;
}

/** The one run of the policy, when it is over. */
async function endedRun(name: string): Promise<Run> {
  return await vi.waitFor(async () => {
    const { runs } = await get<{ runs: Run[] }>(`/api/v1/runs?policy=${name}`);
    const [run = expect.fail()] = runs;
    expect(['pending', 'running', 'delivering']).not.toContain(run.status);
    return run;
  }, PATIENCE);
}

describe('entities that a Diode names and refuses', () => {
  test('are dead letters, the others arrived, and the trace accounts for all', async () => {
    diode.ingest.fail(complaint(3, 7));
    await daemon.apply(policy('edge', 'many', { count: 10 }));
    const run = await endedRun('edge');
    expect(run).toMatchObject({ status: 'failed', entity_count: 8 });
    expect(run.reason).toContain('2 of 10 entities rejected: ');

    const { dead_letters: letters } = await get<DeadLetterListReply>('/api/v1/dead-letters');
    expect(letters).toMatchObject([
      { run: run.id, entity_count: 1, reason: expect.stringContaining('entity at index 3 is nil') },
      { run: run.id, entity_count: 1, reason: expect.stringContaining('entity at index 7 is nil') },
    ]);
    const opened = await get<OpenedLetterReply>(`/api/v1/dead-letters/${letters[0]?.id}`);
    expect(opened.entities).toMatchObject([{ device: { name: 'device-000003' } }]);

    const trace = await get<TraceReply>(`/api/v1/runs/${run.id}/trace`);
    expect(trace).toMatchObject({
      produced: 10,
      kept: null,
      sent: 10,
      acknowledged: 8,
      rejected: 2,
      waiting: 0,
    });
    expect(trace.batches).toMatchObject([{ outcome: 'rejected', acknowledged: 8, tries: 1 }]);
    const status = await get<{ delivery: object }>('/api/v1/status');
    expect(status.delivery).toMatchObject({ waiting_batches: 0, dead_letters: 2 });
    expect((await get<{ status: string }>('/readyz')).status).toBe('ok');
    const metrics = (await daemon.request('/metrics')).text;
    expect(metrics).toMatch(/^orb_worker_dead_letters 2$/m);
    expect(metrics).toMatch(/^orb_worker_delivery_rejected_entities_total 2$/m);
  });

  test('are sent again under a new request id from the command line, and arrive', async () => {
    diode.ingest.fail(complaint(0));
    await daemon.apply(policy('edge', 'pkg'));
    const run = await endedRun('edge');
    const first = diode.requests.length;

    const { stdout: list } = await command('dead-letters', 'list', '--run', run.id);
    const id = /^[\da-f-]{36}/m.exec(list)?.[0] ?? expect.fail(list);
    expect((await command('dead-letters', 'show', id)).stdout).toContain('"name": "one"');
    const retried = await command('dead-letters', 'retry', id);
    const requestId = /as request ([\da-f-]{36})\n$/.exec(retried.stdout)?.[1] ?? expect.fail(retried.stderr);
    await diode.received(first + 1);
    expect(diode.ingested.at(-1)).toMatchObject({
      id: requestId,
      metadata: { run_id: run.id, policy_name: 'edge' },
      entities: [{ device: { name: 'one' } }],
    });
    await vi.waitFor(async () => {
      const { stdout } = await command('trace', run.id);
      expect(stdout).toMatch(/^acknowledged +2 {2}/m);
      expect(stdout).toMatch(/^rejected +0 {2}/m);
      expect(stdout).toContain('The receiver has acknowledged everything');
      expect(stdout).toContain(requestId);
    }, PATIENCE);
    expect((await command('dead-letters', 'list')).stdout).toBe('There are no dead letters.\n');
  });

  test('are dropped on request', async () => {
    diode.ingest.fail(complaint(0, 1));
    await daemon.apply(policy('edge', 'pkg'));
    const run = await endedRun('edge');
    expect((await command('dead-letters', 'drop', '--run', run.id)).stdout).toBe(
      '2 dead letters were dropped\n',
    );
    expect((await get<DeadLetterListReply>('/api/v1/dead-letters')).dead_letters).toEqual([]);
  });
});

test('letters and traces are there after a kill, when there is a data directory', async () => {
  await daemon[Symbol.asyncDispose]();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'orb-worker-letters-'));
  const flags = [...flagsFor(diode), '--data-dir', dataDir];
  let killed: string;
  {
    await using first = await RealDaemon.start(flags);
    daemon = first;
    diode.ingest.fail(complaint(1));
    await first.apply(policy('edge', 'pkg'));
    ({ id: killed } = await endedRun('edge'));
    // What is acknowledged is written a moment later.
    await vi.waitFor(async () => {
      const { commits, letters } = await figures();
      expect([commits > 0, letters]).toEqual([true, 1]);
    }, PATIENCE);
    await first.stop('SIGKILL');
  }
  await using second = await RealDaemon.start(flags);
  daemon = second;
  const trace = await get<TraceReply>(`/api/v1/runs/${killed}/trace`);
  expect(trace).toMatchObject({ produced: 2, kept: 2, sent: 2, acknowledged: 1, rejected: 1, waiting: 0 });
  expect((await command('dead-letters', 'retry', '--all')).stdout).toBe('1 dead letter was sent again\n');
  await diode.acknowledgedEntities(1);
  expect(diode.ingested.at(-1)).toMatchObject({
    metadata: { run_id: killed },
    entities: [{ device: { name: 'two' } }],
  });
  const { state } = await get<{ state: object }>('/api/v1/status');
  expect(state).toMatchObject({ ok: true, reason: '', bytes: expect.any(Number) });
  rmSync(dataDir, { recursive: true });
});

async function figures(): Promise<{ commits: number; letters: number }> {
  const text = (await daemon.request('/metrics')).text;
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  return { commits: gauge('orb_worker_state_commits_total'), letters: gauge('orb_worker_dead_letters') };
}

test('what waits for a Diode that is away is shown, with its last words', async () => {
  await diode.stop();
  await daemon.apply(policy('edge', 'pkg'));
  const { runs } = await vi.waitFor(async () => {
    const shown = await get<{ delivery?: { waiting_entities: number; last_error: unknown } }>(
      '/api/v1/status',
    );
    expect(shown.delivery?.waiting_entities).toBe(2);
    expect(shown.delivery?.last_error).not.toBeNull();
    return await get<{ runs: Run[] }>('/api/v1/runs?status=delivering');
  }, PATIENCE);
  const trace = await get<TraceReply>(`/api/v1/runs/${runs[0]?.id}/trace`);
  expect(trace).toMatchObject({ produced: 2, acknowledged: 0, waiting: 2 });
  expect(trace.batches[0]?.last_error).not.toBe('');
  expect((await command('trace', runs[0]?.id ?? '')).stdout).toContain(
    '2 entities were not acknowledged yet: still on the way.',
  );
  await diode.restart();
  expect(await endedRun('edge')).toMatchObject({ status: 'completed', entity_count: 2 });
});
