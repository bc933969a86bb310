/** Yields no entities. */
export default {
  describe: () => ({ name: 'nothing', app_name: 'nothing', app_version: '1' }),
  run: () => [],
};
