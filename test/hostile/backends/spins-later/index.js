import { hostile } from '../../define.js';

/** The run is over when it begins to spin. */
export default hostile('spins-later', () => {
  setTimeout(() => {
    for (;;);
  }, 50);
});
