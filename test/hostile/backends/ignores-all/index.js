import { hostile, never } from '../../define.js';

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => undefined);

export default hostile('ignores-all', (_, { signal }) => {
  signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
  return never;
});
