import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostile } from '../../define.js';

/** Both are nobody's children when the run is over, and the second is in a session of its own. */
export default hostile('forks', async () => {
  const shell = spawn('sh', ['-c', 'sleep 86399 & setsid sleep 86398 &'], { stdio: 'ignore' });
  await once(shell, 'exit');
});
