import { expect, test } from 'vitest';
import { Events } from '../../src/events.ts';
import type { LogLevel } from '../../src/options.ts';
import { logEvents } from '../../src/telemetry/event-log.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { HeldClock } from '../support/held-clock.ts';
import { Lines } from './lines.ts';
import { aRun } from './runs.ts';

function setUp(level: LogLevel = 'info'): {
  events: Events;
  lines: Lines;
  clock: HeldClock;
  off: () => void;
} {
  const lines = new Lines();
  const clock = new HeldClock();
  const events = new Events((_, fault) => {
    throw fault;
  });
  const off = logEvents(events, createLog({ level, format: 'text', destination: lines }), clock);
  return { events, lines, clock, off };
}

test("a completed run writes upstream's line, with policy, run and backend", () => {
  const { events, lines } = setUp();
  events.emit('run:finished', { run: aRun('completed', { id: 'r1', entityCount: 3 }) });
  expect(lines.take()).toEqual([
    'INFO: worker.policy.runner: Policy edge: Successfully ingested 3 entities policy=edge run=r1 backend=host_backend',
  ]);
});

test.each([
  ['failed', 'boom', 'ERROR: worker.policy.runner: Policy edge: boom'],
  ['lost', 'the daemon died', 'ERROR: worker.policy.runner: Policy edge: Run lost: the daemon died'],
  [
    'cancelled',
    'policy deleted',
    'WARNING: worker.policy.runner: Policy edge: Run cancelled: policy deleted',
  ],
  [
    'skipped',
    'maximum number of running instances reached (1)',
    'WARNING: worker.policy.runner: Policy edge: Run skipped: maximum number of running instances reached (1)',
  ],
] as const)('a %s run says why', (status, reason, line) => {
  const { events, lines } = setUp();
  events.emit('run:finished', { run: aRun(status, { id: 'r1', reason }) });
  expect(lines.take()).toEqual([`${line} policy=edge run=r1 backend=host_backend`]);
});

test('the same failure of the same policy is folded; of another it is not', async () => {
  const { events, lines, clock, off } = setUp();
  const fail = (policy: string, reason: string, id: string): void =>
    events.emit('run:finished', { run: aRun('failed', { policy, reason, id }) });
  fail('a', 'boom', 'r1');
  fail('a', 'boom', 'r2');
  fail('b', 'boom', 'r3');
  fail('a', 'bang', 'r4');
  fail('a', 'boom', 'r5');
  expect(lines.take().map((line) => line.replace(/^ERROR: worker.policy.runner: /, ''))).toEqual([
    'Policy a: boom policy=a run=r1 backend=host_backend',
    'Policy b: boom policy=b run=r3 backend=host_backend',
    'Policy a: bang policy=a run=r4 backend=host_backend',
  ]);
  await clock.advance(60_000);
  expect(lines.take()).toEqual([
    'ERROR: worker.policy.runner: Policy a: boom (2 more times) policy=a run=r5 backend=host_backend',
  ]);
  off();
});

test('successes are never folded', () => {
  const { events, lines } = setUp();
  for (let n = 0; n < 3; n += 1) events.emit('run:finished', { run: aRun('completed') });
  expect(lines.take()).toHaveLength(3);
});

test('a deleted policy is named', () => {
  const { events, lines } = setUp();
  events.emit('policy:deleted', { policy: "it's" });
  expect(lines.take()).toEqual([
    "INFO: worker.policy.manager: Stopping policy 'it's' policy=it's".replace("=it's", `="it's"`),
  ]);
});

test('the start of a run is a DEBUG line', () => {
  const run = aRun('running', { id: 'r1' });
  const info = setUp();
  info.events.emit('run:started', { run });
  expect(info.lines.take()).toEqual([]);
  const debug = setUp('debug');
  debug.events.emit('run:started', { run });
  expect(debug.lines.take()).toEqual([
    'DEBUG: worker.policy.runner: Policy edge: Run started policy=edge run=r1 backend=host_backend',
  ]);
});

test('a document that is refused again and again is told once, and then counted', async () => {
  const { events, lines, clock } = setUp();
  const reason = 'Invalid YAML format: bad indentation at line 3, column 5';
  for (let n = 0; n < 3; n += 1) events.emit('policy:refused', { reason });
  await clock.advance(60_000);
  const line = `WARNING: worker.policy.manager: Refused what was to be applied: ${reason}`;
  expect(lines.take()).toEqual([line, `${line} (2 more times)`]);
});

test('a reason of any length costs a line of bounded length', () => {
  const { events, lines } = setUp();
  events.emit('run:finished', { run: aRun('failed', { reason: 'x'.repeat(1_000_000) }) });
  const [line = ''] = lines.take();
  expect(line).toContain('... (998000 characters more)');
  expect(line.length).toBeLessThan(2_200);
});

test('after it is taken off nothing is written, nothing waits, and what was folded was told', () => {
  const { events, lines, clock, off } = setUp();
  const run = aRun('failed', { id: 'r1', reason: 'boom' });
  events.emit('run:finished', { run });
  events.emit('run:finished', { run });
  lines.take();
  off();
  expect(lines.take()).toEqual([
    'ERROR: worker.policy.runner: Policy edge: boom (1 more time) policy=edge run=r1 backend=host_backend',
  ]);
  events.emit('run:finished', { run });
  expect(lines.take()).toEqual([]);
  expect(clock.pending).toBe(0);
});
