import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Run } from '../../src/run/run.ts';
import type { State } from '../../src/state/contract.ts';
import { runOf } from '../support/runs.ts';
import { policyOf } from './objects.ts';
import { open, QUICK, temporaryDirectory } from './support.ts';

async function reopened(directory: string, state: State): Promise<State> {
  await state.close();
  return open(directory);
}

test('a policy takes the place of the one of its name; applied after a delete it comes last', async () => {
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save([
    policyOf(1, { name: 'a' }),
    policyOf(2, { name: 'b' }),
    policyOf(3, { name: 'c' }),
  ]);
  await state.policies.save([policyOf(4, { name: 'a', document: '{"new":1}' })]);
  await state.policies.remove([2, 99]);
  await state.policies.save([policyOf(5, { name: 'b' }), policyOf(6, { name: 'c' })]);
  const found = await (await reopened(directory, state)).policies.found();
  expect(found.map(({ number, name, document }) => [number, name, document])).toEqual([
    [4, 'a', '{"new":1}'],
    [6, 'c', '{"config":{}}'],
    [5, 'b', '{"config":{}}'],
  ]);
});

test('either all policies of a document are kept, or none', async () => {
  const state = await open(temporaryDirectory());
  await state.policies.save([policyOf(1)]);
  await expect(state.policies.save([policyOf(2), policyOf(1, { name: 'other' })])).rejects.toThrow(
    'policies.save',
  );
  await state.policies.save([policyOf(3)]);
  expect((await state.policies.found()).map(({ name }) => name)).toEqual(['p1', 'p3']);
});

test('a policy has run when a run of it has come to its end', async () => {
  const endings: [Partial<Run>, hasRun: boolean][] = [
    [{ status: 'completed' }, true],
    [{ status: 'failed', reason: 'it threw' }, true],
    [{ status: 'cancelled', reason: 'on request' }, true],
    [{ status: 'cancelled', reason: 'the daemon was stopped' }, false],
    [{ status: 'failed', retryAt: 5 }, false],
    [{ status: 'lost' }, false],
    [{ status: 'skipped' }, false],
    [{ status: 'running' }, false],
    [{ status: 'completed', policyNumber: 99 }, false],
    [{ status: 'completed', trigger: 'ingest' }, false],
    [{ status: 'completed', trigger: 'submit' }, false],
    [{ status: 'failed', trigger: 'retry', origin: 'submit' }, false],
    [{ status: 'completed', trigger: 'retry', origin: 'once' }, true],
  ];
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save(endings.map((_, index) => policyOf(index + 1)));
  for (const [index, [run]] of endings.entries()) {
    state.runs.record(runOf(index + 1, { policy: `p${index + 1}`, policyNumber: index + 1, ...run }));
  }
  const found = await (await reopened(directory, state)).policies.found();
  expect(found.map(({ hasRun }) => hasRun)).toEqual(endings.map(([, hasRun]) => hasRun));
});

test('the latest moment that a schedule was due is that of its own cron runs', async () => {
  const state = await open(temporaryDirectory());
  await state.policies.save([policyOf(1), policyOf(2)]);
  state.runs.record(runOf(1, { dueAt: 100 }));
  state.runs.record(runOf(2, { dueAt: 200, status: 'skipped' }));
  state.runs.record(runOf(3, { dueAt: 300, trigger: 'submit' }));
  state.runs.record(runOf(4, { dueAt: 400, policyNumber: 7 }));
  const found = await state.policies.found();
  expect(found.map(({ lastDueAt }) => lastDueAt)).toEqual([200, undefined]);
});

test('the latest runs of a policy are those beside its schedule only where it has no others', async () => {
  const state = await open(temporaryDirectory());
  await state.policies.save([policyOf(1), policyOf(2)]);
  state.runs.record(runOf(1));
  for (let sequence = 2; sequence < 20; sequence += 2) {
    state.runs.record(runOf(sequence, { trigger: 'ingest' }));
    state.runs.record(runOf(sequence + 1, { trigger: 'ingest', policy: 'p2', policyNumber: 2 }));
  }
  const latest = await state.runs.latestOfEach(3);
  expect(latest.map(({ sequence }) => sequence)).toEqual([1, 19, 17, 15]);
});

test('a policy that took the place of another has its runs, one that was applied after a delete has none', async () => {
  const state = await open(temporaryDirectory());
  await state.policies.save([policyOf(1, { name: 'a' }), policyOf(2, { name: 'b' })]);
  state.runs.record(runOf(1, { policy: 'a', policyNumber: 1 }));
  state.runs.record(runOf(2, { policy: 'b', policyNumber: 2 }));
  await state.policies.save([policyOf(3, { name: 'a' })]);
  await state.policies.remove([2]);
  await state.policies.save([policyOf(4, { name: 'b' })]);
  state.runs.record(runOf(3, { policy: 'a', policyNumber: 3, status: 'skipped' }));
  state.runs.record(runOf(4, { policy: 'a', policyNumber: 3 }));
  state.runs.record(runOf(5, { policy: 'b', policyNumber: 4 }));
  const sequences = async (count: number): Promise<number[]> =>
    (await state.runs.latestOfEach(count)).map(({ sequence }) => sequence);
  expect(await sequences(5)).toEqual([4, 1, 5]);
  expect(await sequences(1)).toEqual([4, 5]);
});

test('a policy that was lost is kept again as it was, with its runs, unless another has its name', async () => {
  const directory = temporaryDirectory();
  const state = await open(directory);
  await state.policies.save([
    policyOf(3, { name: 'changed', document: '{"new":1}' }),
    policyOf(4, { name: 'c' }),
  ]);
  state.runs.record(runOf(1, { policy: 'a', policyNumber: 0 }));
  state.runs.record(runOf(2, { policy: 'a', policyNumber: 1 }));
  state.runs.record(runOf(3, { policy: 'changed', policyNumber: 3 }));
  await state.policies.saveAgain([
    { ...policyOf(1, { name: 'a', provenance: 'network' }), hasRun: true },
    { ...policyOf(2, { name: 'c' }), hasRun: false },
    { ...policyOf(3, { name: 'changed' }), hasRun: false },
  ]);
  const later = await reopened(directory, state);
  expect(await later.policies.found()).toMatchObject([
    { ...policyOf(1, { name: 'a', provenance: 'network' }), hasRun: true },
    { ...policyOf(3, { name: 'changed' }) },
    { ...policyOf(4, { name: 'c' }) },
  ]);
  expect((await later.runs.latestOfEach(5)).map(({ sequence }) => sequence)).toEqual([2, 3]);
});

/** Half of a surrogate pair, NUL and quotes included. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\0', '"', '\\', "'", '\ud800', '\udfff', '\u2028'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
});

test('a policy comes back exactly as it was, whatever its name', async () => {
  const state = await open(temporaryDirectory(QUICK));
  let number = 0;
  await fc.assert(
    fc.asyncProperty(anyText, fc.jsonValue(), fc.maxSafeNat(), async (name, document, appliedAt) => {
      const policy = policyOf(++number, { name, document: JSON.stringify(document), appliedAt });
      await state.policies.save([policy]);
      state.runs.record(runOf(number, { policy: name, policyNumber: number, status: 'completed' }));
      const found = await state.policies.found();
      expect(found).toContainEqual({ ...policy, hasRun: true, lastDueAt: 1_000 });
      const [run] = await state.runs.list({ policy: name, status: undefined, limit: 1, before: undefined });
      expect(run).toMatchObject({ policy: name, sequence: number });
      await state.policies.remove([number]);
    }),
  );
});
