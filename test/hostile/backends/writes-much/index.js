import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostile } from '../../define.js';

/** The daemon reads it slowly: the pipe is full most of the time. */
async function write(text) {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      await sleep(1);
    }
  }
}

export default hostile('writes-much', async () => {
  await write('line\n'.repeat(1_000_000));
  await write(`${'x'.repeat(100 * 2 ** 20)}\n`);
});
