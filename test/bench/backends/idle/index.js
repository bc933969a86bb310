import { appendFileSync } from 'node:fs';

/** When each run was entered, epoch ms with fractions. */
const entered = [];
const REPORT_AFTER_MS = 2_000;

/** Does nothing; where its scope names a file, it writes there, long afterwards, when its runs were entered. */
export default {
  describe: () => ({ name: 'idle', app_name: 'bench', app_version: '1.0.0' }),
  run({ scope }) {
    if (!scope) return [];
    // Not a timer that keeps the process at work: it would be ended as one that a run left something in.
    if (entered.push(performance.timeOrigin + performance.now()) === 1) {
      setTimeout(() => appendFileSync(scope, `${entered.splice(0).join('\n')}\n`), REPORT_AFTER_MS).unref();
    }
    return [];
  },
};
