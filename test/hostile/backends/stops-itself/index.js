import { hostile, never } from '../../define.js';

export default hostile('stops-itself', () => {
  process.kill(process.pid, 'SIGSTOP');
  return never;
});
