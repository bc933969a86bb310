import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** As long as a policy lives, it hands entities over as a listener would; see `numbered` for what it writes down. */
export default {
  describe: () => ({ name: 'listening', app_name: 'torture', app_version: '1.0.0' }),

  setup({ scope }, context) {
    void listen(scope, context);
  },

  run: () => [],
};

async function listen({ journal, everyMs, ingestCount }, { ingest, signal }) {
  const write = (line) => appendFileSync(journal, `${JSON.stringify(line)}\n`);
  const life = crypto.randomUUID();
  for (let number = 0; !signal.aborted; number++) {
    const key = `${life}+${number}`;
    const names = Array.from({ length: ingestCount }, (_, index) => `${key}/${index}`);
    write({ kind: 'offered', key, names });
    try {
      await ingest(names.map((name) => ({ device: { name } })));
      write({ kind: 'ingested', key });
    } catch {
      // Nothing is owed.
    }
    await pause(everyMs);
  }
}
