import { expect, test } from 'vitest';
import { FakeDiode } from '../../support/fake-diode.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { deviceBatch, noSignal, openSockets } from '../support.ts';
import { failureOf, startSink } from './support.ts';

test('a call that is never answered fails after 60 s', async () => {
  await using diode = await FakeDiode.start();
  const clock = new HeldClock();
  await using sink = await startSink(diode, { clock });
  diode.ingest.fail('hang');
  const failed = failureOf(sink.send(deviceBatch(['r1']), noSignal));
  await diode.received(1);
  await clock.advance(60_000);
  expect(await failed).toMatchObject({
    kind: 'unavailable',
    message: 'Transient ingest failure (DEADLINE_EXCEEDED): no answer within 60 s',
  });
  expect(sink.health().reason).toContain('no answer within 60 s');
});

test('two such calls in a row get a new connection, one does not', async () => {
  await using diode = await FakeDiode.start();
  const clock = new HeldClock();
  await using sink = await startSink(diode, { clock });
  const hang = async (): Promise<void> => {
    diode.ingest.fail('hang');
    const before = diode.requests.length;
    const failed = failureOf(sink.send(deviceBatch(['r1']), noSignal));
    await diode.received(before + 1);
    await clock.advance(60_000);
    await failed;
  };
  await sink.send(deviceBatch(['r0']), noSignal);
  const before = diode.connections;
  await hang();
  await sink.send(deviceBatch(['r2']), noSignal);
  await hang();
  expect(diode.connections).toBe(before);
  await hang();
  await sink.send(deviceBatch(['r3']), noSignal);
  expect(diode.connections).toBe(before + 1);
  await diode.until(() => diode.openConnections === 1);
});

test('a connection that breaks in the middle of a call is made again', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  diode.ingest.fail('disconnect');
  expect(await failureOf(sink.send(deviceBatch(['r1']), noSignal))).toMatchObject({ kind: 'unavailable' });
  expect(sink.health().ok).toBe(false);
  await sink.send(deviceBatch(['r1']), noSignal);
  expect(sink.health().ok).toBe(true);
});

test('a Diode that restarts on its port is found again', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  await sink.send(deviceBatch(['r1']), noSignal);
  await diode.stop();
  await failureOf(sink.send(deviceBatch(['r2']), noSignal));
  const error = await failureOf(sink.send(deviceBatch(['r2']), noSignal));
  expect(error).toMatchObject({ kind: 'unavailable', isUnsent: true });
  expect(error.message).toMatch(
    /^Transient ingest failure \(UNAVAILABLE\): No connection established\. .*ECONNREFUSED 127\.0\.0\.1:\d+$/,
  );
  await diode.restart();
  const sendUntilTaken = async (): Promise<void> =>
    sink.send(deviceBatch(['r3']), noSignal).catch(() => sendUntilTaken());
  await sendUntilTaken();
  expect(diode.entities).toMatchObject([{ device: { name: 'r1' } }, { device: { name: 'r3' } }]);
});

test('a run that is given up ends its call at once, and nothing else', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  const giveUp = new AbortController();
  diode.ingest.fail('hang');
  const failed = failureOf(sink.send(deviceBatch(['r1']), giveUp.signal));
  await diode.received(1);
  giveUp.abort();
  expect(await failed).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('Given up') });
  expect(sink.health().ok).toBe(true);
  await sink.send(deviceBatch(['r2']), noSignal);
  await expect(failureOf(sink.send(deviceBatch(['r3']), giveUp.signal))).resolves.toMatchObject({
    kind: 'unavailable',
  });
  expect(diode.requests).toHaveLength(2);
});

test('a run that is given up does not wait for a token, others do', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  diode.revokeTokens();
  diode.token.fail('hang');
  const giveUp = new AbortController();
  const failed = failureOf(sink.send(deviceBatch(['r1']), giveUp.signal));
  await diode.until(() => diode.tokenRequests.length === 2);
  const other = sink.send(deviceBatch(['r2']), noSignal);
  giveUp.abort();
  expect(await failed).toMatchObject({ kind: 'unavailable' });
  diode.disconnect();
  await failureOf(other);
  expect(diode.tokenRequests).toHaveLength(2);
});

test('closing cuts calls off and leaves neither socket nor timer', async () => {
  await using diode = await FakeDiode.start();
  const clock = new HeldClock();
  const sink = await startSink(diode, { clock });
  diode.ingest.fail('hang');
  const failed = failureOf(sink.send(deviceBatch(['r1']), noSignal));
  await diode.received(1);
  await sink.close();
  expect(await failed).toMatchObject({ kind: 'unavailable' });
  await diode.until(() => diode.openConnections === 0);
  await expect.poll(openSockets).toEqual([]);
  expect(clock.pending).toBe(0);
  await failureOf(sink.send(deviceBatch(['r2']), noSignal));
  expect(diode.openConnections).toBe(0);
});

test('closing ends a fetch of a token and the wait for its next try', async () => {
  await using diode = await FakeDiode.start();
  const clock = new HeldClock();
  diode.token.failAlways({ status: 503 });
  const started = startSink(diode, { clock });
  await diode.until(() => diode.tokenRequests.length === 1);
  await expect.poll(() => clock.pending).toBe(2);
  await clock.advance(999);
  await clock.advance(1);
  const sink = await started;
  await sink.close();
  await expect.poll(() => clock.pending).toBe(0);
  expect(sink.health().reason).toContain('has not answered yet');
});
