import { closeSync } from 'node:fs';
import { hostile, never } from '../../define.js';

export default hostile('closes-all', () => {
  for (const descriptor of [1, 2, 3]) closeSync(descriptor);
  return never;
});
