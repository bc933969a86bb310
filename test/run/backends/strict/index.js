/** A schema that wants `key` to be `'good'`, and repeats what it got instead. */
const wants = (key) => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      value?.[key] === 'good'
        ? { value }
        : { issues: [{ message: `expected 'good', got '${value?.[key]}'`, path: [key] }] },
  },
});

export default {
  describe: () => ({ name: 'strict', app_name: 'app', app_version: '7' }),
  config: wants('site'),
  scope: wants('role'),
  run: () => [],
};
