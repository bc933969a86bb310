import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { CallFailure } from '../../../src/sink/grpc/call-failure.ts';

test('status codes have the names that the gRPC library gives them', () => {
  for (const [name, code] of Object.entries(status)) {
    if (typeof code === 'number') expect(new CallFailure(code, '').status).toBe(name);
  }
  expect(new CallFailure(99, '').status).toBe('status 99');
});

test('a server cannot make a reason longer than anybody reads', () => {
  expect(new CallFailure(status.UNKNOWN, 'x'.repeat(1_000_000)).message).toHaveLength(2000);
});
