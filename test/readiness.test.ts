import { expect, test } from 'vitest';
import type { ReadinessSources } from '../src/readiness.ts';
import { readinessOf } from '../src/readiness.ts';
import { NOTHING_WAITS } from './api/kept-delivery.ts';

const fine: ReadinessSources = {
  sink: { health: () => ({ ok: true, reason: '' }) },
  delivery: { snapshot: () => NOTHING_WAITS },
  state: { health: () => ({ ok: true, reason: '' }) },
  registry: { unable: () => ({ count: 0, example: undefined }) },
  locks: { faults: () => [] },
  host: { crashWaits: () => [] },
};

const waiting = (changes: object): Pick<ReadinessSources, 'delivery'> => ({
  delivery: { snapshot: () => ({ ...NOTHING_WAITS, ...changes }) },
});

test.each(['starting', 'stopping'] as const)('a daemon that is %s is not ready, whatever else', (phase) => {
  expect(readinessOf(phase, fine)).toEqual({
    statusCode: 503,
    status: phase,
    reasons: [`the daemon is ${phase}`],
  });
});

test('one that has nothing to complain of is ready, with a data directory and without', () => {
  const ready = { statusCode: 200, status: 'ok', reasons: [] };
  expect(readinessOf('ready', fine)).toEqual(ready);
  expect(readinessOf('ready', { ...fine, state: undefined })).toEqual(ready);
});

test('one that cannot keep what it accepts is not ready', () => {
  const state = { health: () => ({ ok: false, reason: 'no space left on the device' }) };
  const locks = { faults: () => ['a token file is empty'] };
  expect(readinessOf('ready', { ...fine, state, locks })).toEqual({
    statusCode: 503,
    status: 'unable',
    reasons: ['what is accepted cannot be kept: no space left on the device', 'a token file is empty'],
  });
});

test('what is only on its way is no complaint, what stays is one', () => {
  const behind = {
    waitingBatches: 3,
    waitingEntities: 400,
    lastError: { at: 0, message: 'connection refused' },
  };
  const soon = readinessOf('ready', { ...fine, ...waiting({ ...behind, oldestAgeMs: 60_000 }) });
  expect(soon).toMatchObject({ statusCode: 200, status: 'ok' });
  expect(readinessOf('ready', { ...fine, ...waiting({ ...behind, oldestAgeMs: 90_500 }) })).toEqual({
    statusCode: 200,
    status: 'degraded',
    reasons: ['3 batches with 400 entities wait to be acknowledged, the oldest for 90 s: connection refused'],
  });
});

test('batches for another kind of receiver are a complaint', () => {
  const { status, reasons } = readinessOf('ready', { ...fine, ...waiting({ misfits: 2 }) });
  expect(status).toBe('degraded');
  expect(reasons).toEqual([expect.stringMatching(/^2 batches were written for another kind of receiver/)]);
});

test('dead letters are none: they are told by status and metrics', () => {
  expect(readinessOf('ready', { ...fine, ...waiting({ letters: 5 }) })).toMatchObject({ status: 'ok' });
});

test('packages that wait and receivers that are away are complaints', () => {
  const until = Date.UTC(2026, 0, 2, 3, 4, 5);
  const host = { crashWaits: () => [{ package: 'pkg', until, reason: 'it crashed' }] };
  const sink = { health: () => ({ ok: false, reason: 'Diode is not reachable' }) };
  expect(readinessOf('ready', { ...fine, host, sink })).toEqual({
    statusCode: 200,
    status: 'degraded',
    reasons: ['Diode is not reachable', "package 'pkg' waits until 2026-01-02T03:04:05.000Z: it crashed"],
  });
});

test('policies that cannot work are a complaint, with one of them as an example', () => {
  const example = { name: 'b', reason: "package 'pkg' was not found" };
  const registry = { unable: () => ({ count: 2, example }) };
  const { status, reasons } = readinessOf('ready', { ...fine, registry });
  expect(status).toBe('degraded');
  expect(reasons).toEqual(["policy 'b' (and 1 more) cannot work: package 'pkg' was not found"]);
  const one = { unable: () => ({ count: 1, example: { name: 'c', reason: 'no socket' } }) };
  expect(readinessOf('ready', { ...fine, registry: one }).reasons).toEqual([
    "policy 'c' cannot work: no socket",
  ]);
});
