import { hostile } from '../../define.js';

export default hostile('moves', () => {
  process.chdir('/');
  process.umask(0o777);
  process.env.PATH = '/nowhere';
});
