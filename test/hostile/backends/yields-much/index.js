import { hostile } from '../../define.js';

export default hostile('yields-much', function* run() {
  yield { device: { name: 'big', comments: 'x'.repeat(100 * 2 ** 20) } };
});
