import { mkdir, writeFile } from 'node:fs/promises';
import { hostile } from '../../define.js';

/** Relative to the daemon's own working directory. */
export default hostile('fills-directory', async () => {
  await mkdir('filled', { recursive: true });
  for (let index = 0; ; index++) await writeFile(`filled/${index}`, 'rubbish');
});
