import fc from 'fast-check';
import { expect, test } from 'vitest';
import { namedEntities } from '../../src/sink/named-entities.ts';

test.each([
  ['entity at index 3 is nil', 3],
  ['entities[12].device.name: too long', 12],
  ['Entity 4: no such site', 4],
  ['entity #5 is wrong', 5],
  ['index: 0 is not set', 0],
  ['interface[2] of entities[7] has no device', 7],
  ['[8]: name is empty', 8],
])('%s', (words, index) => {
  expect(namedEntities([words])).toEqual([{ index, words }]);
});

test.each([
  [['']],
  [['name is empty']],
  [['received 3 entities, want at most 2']],
  [['index 3 and index 4 are the same']],
  [['[1] and [2]']],
  [['entity at index 3 is nil', 'something else is wrong']],
  [['index 1234567890 is too large']],
  [['connect to [::1]:443 failed']],
  [[]],
])('%j names none', (errors) => {
  expect(namedEntities(errors)).toBeUndefined();
});

test('several are named in their order, each once', () => {
  const errors = ['entity at index 9 is nil', 'entity at index 2 is nil', 'entity at index 9 is odd'];
  expect(namedEntities(errors)).toEqual([
    { index: 2, words: errors[1] },
    { index: 9, words: errors[0] },
  ]);
});

test('no words break it', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), (errors) => {
      const named = namedEntities(errors);
      for (const { words } of named ?? []) expect(errors).toContain(words);
    }),
  );
});
