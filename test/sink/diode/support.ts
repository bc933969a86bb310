import { expect } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { Secrets } from '../../../src/secrets.ts';
import { type Sink, SinkError } from '../../../src/sink/contract.ts';
import { createDiodeSink, type DiodeSinkOptions } from '../../../src/sink/diode/create-diode-sink.ts';
import { parseTarget } from '../../../src/sink/target.ts';
import type { FakeDiode } from '../../support/fake-diode.ts';
import { readableLog } from '../support.ts';

type Changes = Partial<DiodeSinkOptions>;

/** A sink for this Diode that was started, and closes with the test. */
export async function startSink(diode: FakeDiode, changes: Changes = {}): Promise<Sink & AsyncDisposable> {
  const sink = createSink(diode, changes);
  await sink.start();
  return sink;
}

/** A sink that was not started. */
export function createSink(diode: Pick<FakeDiode, 'target'>, changes: Changes = {}): Sink & AsyncDisposable {
  const sink = createDiodeSink({
    target: parseTarget(diode.target),
    clientId: 'me',
    clientSecret: 'hunter2',
    appNamePrefix: undefined,
    version: '0.1.0',
    clock: systemClock,
    log: readableLog().log,
    env: {},
    secrets: new Secrets(),
    ...changes,
  });
  return Object.assign(sink, { [Symbol.asyncDispose]: () => sink.close() });
}

/** The reason why a start or a batch failed. */
export function failureOf(sending: Promise<unknown>): Promise<SinkError> {
  return sending.then(
    () => expect.fail('it should have failed'),
    (error) => {
      expect(error).toBeInstanceOf(SinkError);
      return error;
    },
  );
}
