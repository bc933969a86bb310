import { hostile } from '../../define.js';

export default hostile('pollutes', () => {
  Object.prototype.polluted = true;
  Array.prototype.map = () => ['polluted'];
  JSON.parse = () => 'polluted';
});
