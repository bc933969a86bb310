export default {
  describe: () => ({ name: 'plain', app_name: 'plain-app', app_version: '1.0.0' }),
  async *run({ scope }) {
    for (let index = 0; index < (scope?.count ?? 2); index++) yield { device: { name: `device-${index}` } };
  },
};
