const entities = [{ device: { name: 'a' } }, { device: { name: 'b' } }];

/** What `run` may return, and what it may not. */
const forms = {
  array: () => entities,
  set: () => new Set(entities),
  promise: async () => entities,
  *generator() {
    yield* entities;
  },
  async *asyncGenerator() {
    yield* entities;
  },
  promisedGenerator: async () => forms.asyncGenerator(),
  empty: () => [],
  nothing: () => undefined,
  number: () => 5,
  string: () => 'abc',
  object: () => entities[0],
  noEntity: () => [entities[0], { device: { name: 5 } }],
  strayParameter: () => [{ device: { name: 'a', manufacturer: 'Juniper' } }],
  unknownKind: () => [{ devise: { name: 'a' } }],
  *throwing() {
    yield entities[0];
    throw new Error('the switch is on fire');
  },
  throwsText: () => {
    throw 'just text';
  },
  throwsOddity: () => {
    throw Object.create(null);
  },
};

export default {
  describe: () => ({ name: 'forms', app_name: 'forms-app', app_version: '1.0.0' }),
  run: ({ scope }) => forms[scope](),
};
