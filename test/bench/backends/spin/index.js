/** Never gives its thread back. */
export default {
  describe: () => ({ name: 'spin', app_name: 'bench', app_version: '1.0.0' }),
  run() {
    for (;;);
  },
};
