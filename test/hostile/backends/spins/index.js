import { hostile } from '../../define.js';

export default hostile('spins', () => {
  for (;;);
});
