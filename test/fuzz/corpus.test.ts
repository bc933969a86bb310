import { describe, expect, test } from 'vitest';
import { readCorpus } from './support/corpus.ts';
import { targetCalled, targetNames } from './targets.ts';

describe.each(targetNames)('%s', (name) => {
  test('keeps its promises for every input that is kept', async () => {
    const target = await targetCalled(name);
    const corpus = readCorpus(name);
    expect(corpus).not.toEqual([]);
    await using trial = await target.open();
    for (const { file, bytes } of corpus) {
      const startedAt = performance.now();
      await expect(Promise.resolve(trial.try(bytes)), file).resolves.toBeUndefined();
      expect(performance.now() - startedAt, file).toBeLessThan(target.limitMs);
    }
  });
});
