import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { UnavailableError } from '../../../src/errors.ts';
import { CallFailure, sinkErrorOf } from '../../../src/sink/grpc/call-failure.ts';

test('status codes have the names that the gRPC library gives them', () => {
  for (const [name, code] of Object.entries(status)) {
    if (typeof code === 'number') expect(new CallFailure(code, '').status).toBe(name);
  }
  expect(new CallFailure(99, '').status).toBe('status 99');
});

test('a server cannot make a reason longer than anybody reads', () => {
  expect(new CallFailure(status.UNKNOWN, 'x'.repeat(1_000_000)).message).toHaveLength(2000);
});

test.each([
  'grpc: received message larger than max (5000000 vs. 4194304)',
  'gRPC message exceeds maximum size 4194304: 5000000',
  'Received HTTP status code 413',
  'request entity too large',
])('%s: the message is to be cut', (words) => {
  for (const code of [status.RESOURCE_EXHAUSTED, status.UNKNOWN, status.UNAVAILABLE]) {
    expect(sinkErrorOf(new CallFailure(code, words))).toMatchObject({
      kind: 'rejected',
      refusal: { of: 'size' },
    });
  }
});

test('a status that names an entity says that none was taken', () => {
  const error = sinkErrorOf(new CallFailure(status.INVALID_ARGUMENT, 'entities[3].vid: value is too large'));
  expect(error).toMatchObject({ kind: 'rejected', refusal: { of: 'named', othersTaken: false } });
  expect(error.refusal).toMatchObject({ entities: [{ index: 3 }] });
});

test.each([
  [status.RESOURCE_EXHAUSTED, 'redis is nearly full', 'unavailable'],
  [status.INTERNAL, '', 'unavailable'],
  [status.INTERNAL, 'grpc: error unmarshalling request', 'rejected'],
  [status.UNKNOWN, 'id is empty', 'rejected'],
  [status.PERMISSION_DENIED, 'no', 'fatal'],
])('status %i, %j: %s', (code, words, kind) => {
  expect(sinkErrorOf(new CallFailure(code, words))).toMatchObject({ kind, refusal: { of: 'unknown' } });
});

test('a call that could not be made now is made again', () => {
  expect(sinkErrorOf(new UnavailableError('no more files may be opened'))).toMatchObject({
    kind: 'unavailable',
    message: 'no more files may be opened',
  });
});
