import { hostile } from '../../define.js';

/** The run is over when it throws. */
export default hostile('throws-later', () => {
  setTimeout(() => {
    throw new Error('boo from the past');
  }, 100);
});
