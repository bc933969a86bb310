import { setImmediate as nextTurn } from 'node:timers/promises';
import { hostile } from '../../define.js';

export default hostile('eats-buffers', async () => {
  const kept = [];
  for (;;) {
    kept.push(Buffer.alloc(2 ** 20, 1));
    await nextTurn();
  }
});
