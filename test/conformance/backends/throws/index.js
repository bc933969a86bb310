/** Throws as its run begins. */
export default {
  describe: () => ({ name: 'throws', app_name: 'throws', app_version: '1' }),
  run() {
    throw new Error('the switch did not answer');
  },
};
