import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackendLease } from '../../src/backend/host.ts';
import { Rig, startRun } from './rig.ts';

let rig: Rig;
let forms: BackendLease;
let hostile: BackendLease;

beforeAll(async () => {
  rig = new Rig();
  [forms, hostile] = await Promise.all([rig.host.open('forms'), rig.host.open('hostile')]);
});
afterAll(() => rig.host.stop());

describe('a run', () => {
  test.each(['array', 'set', 'promise', 'generator', 'asyncGenerator', 'promisedGenerator'])(
    'may return its entities as %s',
    async (form) => {
      const run = startRun(forms, form);
      expect(await run.outcome).toEqual({ kind: 'returned' });
      expect(run.entities()).toMatchObject([{ device: { name: 'a' } }, { device: { name: 'b' } }]);
    },
  );

  test('of no entities hands over no batch', async () => {
    const run = startRun(forms, 'empty');
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.batches).toEqual([]);
  });

  test.each([
    ['nothing', /^run\(\) returned nothing, expected entities/],
    ['number', /^run\(\) returned a number, expected entities/],
    ['string', /^run\(\) returned a string, expected entities/],
    ['object', /^run\(\) returned an object that is not iterable, expected entities/],
    ['noEntity', /entity 1.*name.*number/is],
    ['unknownKind', /devise/],
    ['throwsText', /^just text$/],
    ['throwsOddity', /^something without a text was thrown$/],
  ])('that gives %s fails and says why', async (form, reason) => {
    const run = startRun(forms, form);
    expect(await run.outcome).toEqual({ kind: 'failed', reason: expect.stringMatching(reason) });
    expect(run.batches).toEqual([]);
  });

  test('says in its log what of an entity is left out', async () => {
    const run = startRun(forms, 'strayParameter');
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.entities()).toMatchObject([{ device: { name: 'a' } }]);
    expect(run.logs).toEqual([
      {
        level: 'warn',
        message: expect.stringMatching(/^entity 0: device\.manufacturer: .*, so it is left out$/),
      },
    ]);
  });

  test('that throws fails with that text, its open batch dropped', async () => {
    const run = startRun(forms, 'throwing');
    expect(await run.outcome).toEqual({ kind: 'failed', reason: 'the switch is on fire' });
    expect(run.batches).toEqual([]);
  });

  test('closes a batch some time after its first entity, without waiting for the next', async () => {
    const firstBatch = Promise.withResolvers<void>();
    const run = startRun(
      hostile,
      { mood: 'waitsFor', ms: 400 },
      {
        request: { closeBatchAfterMs: 20 },
        handlers: {
          batch: (batch) => {
            run.batches.push(batch);
            firstBatch.resolve();
          },
        },
      },
    );
    await firstBatch.promise;
    expect(run.entities()).toMatchObject([{ device: { name: 'before' } }]);
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.batches).toHaveLength(2);
  });

  test('without that limit has one batch', async () => {
    const run = startRun(
      hostile,
      { mood: 'waitsFor', ms: 50 },
      { request: { closeBatchAfterMs: undefined } },
    );
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.batches.map(({ entityCount }) => entityCount)).toEqual([2]);
    expect(run.batches[0]).toMatchObject({
      run: { runId: expect.any(String), policyName: 'edge', backend: 'hostile' },
    });
    expect(run.batches[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('gives several batches in order, each of its own size', async () => {
    const plain = await rig.host.open('plain');
    const run = startRun(plain, { count: 150_000 }, { request: { encoding: 'diode' } });
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.batches.length).toBeGreaterThan(1);
    expect(run.batches.reduce((sum, { entityCount }) => sum + entityCount, 0)).toBe(150_000);
    for (const { bytes } of run.batches) expect(bytes.length).toBeLessThan(4 * 2 ** 20);
    plain.close();
  });

  test('that yields an entity beyond all bounds fails', async () => {
    const run = startRun(hostile, { mood: 'yieldsOneOf', characters: 5 * 2 ** 20 });
    expect(await run.outcome).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(/^one entity takes \d+ bytes, more than a batch can hold$/),
    });
  });
});

describe('the context of a run', () => {
  test('takes log lines of every length and keeps their level', async () => {
    const run = startRun(hostile, { mood: 'logs', lines: 1, length: 100_000 });
    await run.outcome;
    expect(run.logs).toEqual([
      { level: 'info', message: expect.stringMatching(/^x{8192}… \(91808 characters more\)$/) },
    ]);
  });

  test('drops log lines beyond its bounds and says how many', async () => {
    const run = startRun(hostile, { mood: 'logs', lines: 100_000, length: 10 });
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.logs.length).toBeLessThan(1_000);
    expect(run.logs.at(-1)).toEqual({
      level: 'warn',
      message: expect.stringMatching(/^\d+ log lines were dropped: more than 200 a second$/),
    });
  });

  test('names run and policy, tells progress, and is frozen with the policy', async () => {
    const run = startRun(hostile, { mood: 'looksAround', deep: { list: [{ key: 1 }] } });
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.logs).toEqual([
      { level: 'debug', message: 'edge' },
      { level: 'warn', message: 'frozen: true true true true' },
      { level: 'error', message: 'aborted: false' },
    ]);
    expect(run.progress[0]).toEqual({ done: 1, total: undefined });
    expect(run.progress.at(-1)).toEqual({ done: 1_000, total: 1_000 });
    expect(run.progress.length).toBeLessThan(10);
  });
});

describe('back pressure', () => {
  test('holds the generator while there is no room, and keeps its memory flat', async () => {
    const child = rig.host.children().find((one) => one.package === 'hostile');
    const asked: number[] = [];
    const run = startRun(
      hostile,
      { mood: 'yieldsForEver' },
      {
        handlers: {
          reserve: (bytes) => {
            asked.push(bytes);
            return asked.length > 1 ? new Promise(() => undefined) : Promise.resolve();
          },
        },
      },
    );
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(2);
    await sleep(500);
    const before = cpuTicksOf(child?.pid);
    await sleep(300);
    // One that goes round and round takes nearly all of them.
    expect(cpuTicksOf(child?.pid) - before).toBeLessThan(15);
    expect(run.batches).toHaveLength(1);
    expect(asked).toHaveLength(2);
    run.execution.cancel(5_000);
    run.execution.cancel(10);
    expect(await run.outcome).toEqual({ kind: 'cancelled', cutOff: false });
  });

  test('a rejected reservation frees the generator', async () => {
    const run = startRun(
      hostile,
      { mood: 'waitsFor', ms: 1 },
      {
        handlers: { reserve: () => Promise.reject(new Error('over')) },
      },
    );
    expect(await run.outcome).toEqual({ kind: 'returned' });
    expect(run.batches).toEqual([]);
  });
});

/** Time that a process has worked so far, in the kernel's ticks of 10 ms. */
function cpuTicksOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
