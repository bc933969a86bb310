import { hostile, never } from '../../define.js';

export default hostile('rejects', () => {
  void Promise.reject(new Error('nobody listens'));
  return never;
});
