import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import { entityTexts } from '../../src/entity/read-batch.ts';
import { createOtlpSink } from '../../src/sink/otlp/create-otlp-sink.ts';
import { parseTarget } from '../../src/sink/target.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { lengthDelimited } from '../support/fake-diode-wire.ts';

const log = pino({ level: 'silent' });
const RECORD = /site-\d+/g;

/** An `ExportLogsServiceResponse` that says how many records were refused, not which. */
function partialSuccess(rejected: number): Buffer {
  return lengthDelimited(
    1,
    Buffer.concat([Buffer.from([0x08, rejected]), lengthDelimited(2, Buffer.from('bad'))]),
  );
}

test('log records that a collector refuses without saying which are found', async () => {
  await using diode = await FakeDiode.start();
  const refused = ['site-3', 'site-17'];
  diode.otlp.failWhere((request) => {
    const names: readonly string[] = request.toString('latin1').match(RECORD) ?? [];
    const count = refused.filter((name) => names.includes(name)).length;
    return count === 0 ? undefined : { reply: partialSuccess(count) };
  });
  const sink = createOtlpSink({
    target: parseTarget(diode.target),
    appNamePrefix: undefined,
    version: '1.2.3',
    clock: systemClock,
    log,
    env: {},
  });
  await sink.start();
  const delivery = createDelivery({ sink, clock: systemClock, log });
  const builder = new BatchBuilder({ encoding: 'otlp', runId: 'run-1', now: Date.now });
  for (let index = 0; index < 40; index++) builder.add({ site: { name: `site-${index}` } });
  const run = delivery.open({ runId: 'run-1', policy: 'edge' }, () => undefined);
  const identity = { runId: 'run-1', policyName: 'edge', backend: 'b', appName: 'a', appVersion: '1' };
  run.accept({ id: crypto.randomUUID(), run: identity, ...(builder.close() ?? expect.fail('no batch')) });
  expect(await run.finish()).toMatchObject({
    acknowledged: 38,
    failure: '2 of 40 entities rejected: Chunk ingestion failed: 1 of 1 log records rejected: bad',
  });
  const letters = await delivery.letters.list({
    policy: undefined,
    runId: 'run-1',
    limit: 10,
    after: undefined,
  });
  const opened = await Promise.all(letters.map(({ id }) => delivery.letters.open(id)));
  const names = opened.flatMap((one) =>
    (one ? [...entityTexts(one.batch.bytes, 'otlp')] : []).join().match(RECORD),
  );
  expect(names.sort()).toEqual(refused.sort());
  await delivery.stop();
  await sink.close();
});
