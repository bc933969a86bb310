import { hostile } from '../../define.js';

export default hostile('ticks', () => {
  for (let count = 0; count < 10_000; count++) setInterval(() => undefined, 10);
});
