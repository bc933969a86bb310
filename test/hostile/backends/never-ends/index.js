import { hostile } from '../../define.js';

export default hostile('never-ends', async function* run() {
  for (let index = 0; ; index++) yield { device: { name: `device-${index}` } };
});
