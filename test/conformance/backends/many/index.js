/** Yields as many devices as `config.count` says. */
export default {
  describe: () => ({ name: 'many', app_name: 'many', app_version: '1' }),
  *run({ config }) {
    for (let i = 0; i < config.count; i++) yield { device: { name: `device-${String(i).padStart(6, '0')}` } };
  },
};
