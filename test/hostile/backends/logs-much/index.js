import { hostile } from '../../define.js';

export default hostile('logs-much', (_, { log }) => {
  for (let line = 0; line < 1_000_000; line++) log.info(`line ${line}`);
});
