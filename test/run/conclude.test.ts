import { expect, test } from 'vitest';
import type { ExecutionOutcome } from '../../src/backend/host.ts';
import { conclude, verdictOf } from '../../src/run/conclude.ts';
import type { Conclusion } from '../../src/run/run.ts';

const returned: ExecutionOutcome = { kind: 'returned' };
const threw: ExecutionOutcome = { kind: 'failed', reason: 'it threw' };
const crashed: ExecutionOutcome = { kind: 'crashed', reason: 'exited with status 3', innocent: false };
const stopped: ExecutionOutcome = { kind: 'cancelled', cutOff: true };
const timedOut: Conclusion = { status: 'failed', reason: 'timed out after 5m' };
const deleted: Conclusion = { status: 'cancelled', reason: 'the policy was deleted' };

test.each<[string, Conclusion | undefined, ExecutionOutcome, string | undefined, Conclusion]>([
  ['all yielded, all delivered', undefined, returned, undefined, { status: 'completed', reason: '' }],
  [
    'all yielded, not delivered',
    undefined,
    returned,
    'Diode is away',
    { status: 'failed', reason: 'Diode is away' },
  ],
  ['the backend threw', undefined, threw, undefined, { status: 'failed', reason: 'it threw' }],
  ['it threw, and nothing was delivered', undefined, threw, 'away', { status: 'failed', reason: 'it threw' }],
  ['its child died', undefined, crashed, undefined, { status: 'failed', reason: 'exited with status 3' }],
  ['it was timed out', timedOut, stopped, undefined, timedOut],
  ['it threw because it was timed out', timedOut, threw, undefined, timedOut],
  ['its policy was deleted', deleted, stopped, undefined, deleted],
  ['its child died while it was being cancelled', deleted, crashed, undefined, deleted],
  [
    'it was done before it could be cancelled',
    deleted,
    returned,
    undefined,
    { status: 'completed', reason: '' },
  ],
  ['the host cut it off', undefined, stopped, undefined, { status: 'cancelled', reason: 'cancelled' }],
])('%s', (_what, endedEarly, outcome, failure, expected) => {
  expect(conclude(verdictOf(endedEarly, outcome), undefined, { failure })).toEqual(expected);
});

test.each<[string, ExecutionOutcome, string | undefined, Conclusion]>([
  ['what it yielded was given up', returned, 'given up', deleted],
  ['all was delivered before that', returned, undefined, { status: 'completed', reason: '' }],
  ['its backend had failed before', threw, 'given up', { status: 'failed', reason: 'it threw' }],
])('cancelled while it is delivered: %s', (_what, outcome, failure, expected) => {
  expect(conclude(verdictOf(undefined, outcome), deleted, { failure })).toEqual(expected);
});
