import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { hostile } from '../../define.js';

export default hostile('leaves-open', async () => {
  openSync('/dev/null', 'r');
  await once(createServer().listen(0, '127.0.0.1'), 'listening');
  new Worker('setInterval(() => undefined, 1_000)', { eval: true });
});
