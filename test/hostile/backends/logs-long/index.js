import { hostile } from '../../define.js';

export default hostile('logs-long', (_, { log }) => log.info('x'.repeat(100 * 2 ** 20)));
