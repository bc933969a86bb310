import { setTimeout as sleep } from 'node:timers/promises';
import { hostile } from '../../define.js';

export default hostile('exits', async () => {
  await sleep(10);
  process.exit(3);
});
