import { expect, test } from 'vitest';
import { FakeDiode } from '../../support/fake-diode.ts';
import { ingestReplyWithErrors } from '../../support/fake-diode-wire.ts';
import { deviceBatch, inRoom, noSignal } from '../support.ts';
import { failureOf, startSink } from './support.ts';

test('the memory of a batch is given back when it is acknowledged, and not before', async () => {
  await using diode = await FakeDiode.start();
  await using sink = await startSink(diode);
  const batch = inRoom(deviceBatch(['r'.repeat(100_000)]));
  const { length } = batch.bytes;
  diode.ingest.fail({ reply: ingestReplyWithErrors(['e1']) });
  await failureOf(sink.send(batch, noSignal));
  expect(batch.bytes).toHaveLength(length);
  await sink.send(batch, noSignal);
  expect(batch.bytes).toHaveLength(0);
  expect(diode.ingested.at(-1)?.entities).toEqual([{ device: { name: 'r'.repeat(100_000) } }]);
});
