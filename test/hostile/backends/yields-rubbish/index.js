import { hostile } from '../../define.js';

export default hostile('yields-rubbish', function* run() {
  for (let index = 0; index < 1_000_000; index++) yield { rubbish: { index } };
});
