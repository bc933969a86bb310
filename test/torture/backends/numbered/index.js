import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Yields numbered entities, and writes down outside, before each of them may exist, which there will be; for those that
 * it ingests beside, also when that has resolved. Some, by their number, are `bad`: the receiver will not have them.
 */
export default {
  describe: () => ({ name: 'numbered', app_name: 'torture', app_version: '1.0.0' }),

  async *run({ scope }, context) {
    const { journal, version, count, badEvery = 0, bytes = 0, pauseEvery = 0, pauseMs = 0 } = scope;
    const write = (line) => appendFileSync(journal, `${JSON.stringify(line)}\n`);
    const { runId, policyName } = context;
    const ingests = [];
    const ingest = async (number) => {
      const key = `${runId}+${number}`;
      const names = namesOf(key, scope.ingestCount, badEvery);
      write({ kind: 'offered', key, names });
      await context.ingest(names.map((name) => entityOf(name, bytes)));
      write({ kind: 'ingested', key });
    };

    const names = namesOf(runId, count, badEvery);
    write({ kind: 'run', key: runId, policy: policyName, version, names });
    for (const [index, name] of names.entries()) {
      if (index === scope.throwAt) throw new Error('as it was told to');
      if (scope.ingestEvery > 0 && index % scope.ingestEvery === 0) {
        ingests.push(ingest(ingests.length).catch(() => undefined));
      }
      yield entityOf(name, bytes);
      if (pauseEvery > 0 && index % pauseEvery === 0) await pause(pauseMs);
    }
    // While there is no room they take for ever, and who is told to stop does.
    await Promise.race([Promise.all(ingests), whenAborted(context.signal)]);
  },
};

function whenAborted(signal) {
  if (signal.aborted) return undefined;
  return new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

function namesOf(key, count, badEvery) {
  return Array.from({ length: count }, (_, index) => {
    const isBad = badEvery > 0 && index % badEvery === badEvery - 1;
    return `${key}/${index}${isBad ? '!' : ''}`;
  });
}

function entityOf(name, bytes) {
  return { device: { name, comments: 'x'.repeat(bytes) } };
}
