import { hostile } from '../../define.js';

export default hostile('eats-heap', () => {
  const kept = [];
  for (;;) kept.push(new Array(1_000).fill(kept.length));
});
