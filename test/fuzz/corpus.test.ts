import { describe, expect, test } from 'vitest';
import { readCorpus } from './support/corpus.ts';
import { timed } from './support/target.ts';
import { targetCalled, targetNames } from './targets.ts';

describe.each(targetNames)('%s', (name) => {
  test('keeps its promises for every input that is kept', async () => {
    const target = await targetCalled(name);
    const corpus = readCorpus(name);
    expect(corpus).not.toEqual([]);
    await using trial = await target.open();
    for (const { file, bytes } of corpus) {
      await expect(timed(target, trial, bytes), file).resolves.toBeGreaterThanOrEqual(0);
    }
  });
});
