import { hostile, never } from '../../define.js';

export default hostile('kills-itself', () => {
  process.kill(process.pid, 'SIGKILL');
  return never;
});
