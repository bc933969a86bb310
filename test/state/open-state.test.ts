import { expect, test } from 'vitest';
import { runOf } from '../support/runs.ts';
import { batchOf, policyOf, receiptOf } from './objects.ts';
import { keep, open, temporaryDirectory } from './support.ts';

test('what was kept is found after a restart', async () => {
  const directory = temporaryDirectory();
  const first = await open(directory);
  const batch = batchOf('entities');
  const run = runOf(7, { status: 'running' });
  first.runs.record(run);
  first.runs.addLine(run.id, { at: 5, level: 'warn', message: 'careful' });
  await first.policies.save([policyOf(1)]);
  await keep(first, batch, { keptAt: 12 });
  await first.close();

  const second = await open(directory);
  expect(await second.policies.found()).toEqual([{ ...policyOf(1), hasRun: false, lastDueAt: 1_000 }]);
  expect(await second.runs.unfinished()).toEqual([run]);
  expect(await second.runs.get(run.id)).toEqual(run);
  expect(await second.runs.log(run.id)).toEqual({
    lines: [{ at: 5, level: 'warn', message: 'careful' }],
    dropped: 0,
  });
  expect(await second.runs.lastSequence()).toBe(7);
  const { run: identity, bytes } = batch;
  const receipt = receiptOf(batch, { keptAt: 12, acceptedAt: expect.any(Number) });
  expect(await second.batches.found()).toEqual([
    { ...receipt, encoding: 'diode', policy: 'p1', run: identity },
  ]);
  expect(await second.batches.read(batch.id)).toEqual(bytes);
  expect(second.batches.waitingBytes).toBe(bytes.byteLength);
});
