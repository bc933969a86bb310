import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Does what `config.steps` says, one step after the other: `[word, argument]`. */
export default {
  describe: () => ({ name: 'scripted backend', app_name: 'app', app_version: '7' }),
  async *run({ config }, { log, signal, progress }) {
    for (const [step, argument] of config.steps) {
      if (step === 'yield') yield* devices(argument);
      if (step === 'log') log.warn(argument);
      if (step === 'progress') progress(argument, 10);
      if (step === 'wait') await pause(argument);
      if (step === 'throw') throw new Error(argument);
      if (step === 'exit') process.exit(argument);
      if (step === 'until file') while (!existsSync(argument)) await pause(5);
      if (step === 'until cancelled' && !signal.aborted) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
      if (step === 'for ever') await new Promise((resolve) => setInterval(() => resolve, 60_000));
    }
  },
};

function* devices(count) {
  for (let index = 0; index < count; index++) yield { device: { name: `r${index}` } };
}
