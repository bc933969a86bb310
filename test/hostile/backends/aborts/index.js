import { hostile } from '../../define.js';

export default hostile('aborts', () => process.abort());
