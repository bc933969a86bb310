import { hostile } from '../../define.js';

export default hostile('well', () => []);
