/** Yields two devices, and says in their comments what the run was given. */
export default {
  describe: () => ({ name: 'pkg', app_name: 'n/1', app_version: '1.2.3' }),
  *run({ config, scope }, { policyName }) {
    const comments = JSON.stringify({ config, scope, policyName });
    yield { device: { name: 'one', comments } };
    yield { device: { name: 'two', site: 'here' } };
  },
};
