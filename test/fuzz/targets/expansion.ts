import { environmentFor, expand } from '../../../src/policy/expand.ts';
import { type FuzzTarget, pureTrial } from '../support/target.ts';

const variables = { A: 'value of A', AB: 'value of AB', EMPTY: '' };

/** A pattern of `--allow-env`, and behind each line end a text of a document that came over the network. */
export const target: FuzzTarget = {
  name: 'expansion',
  limitMs: 500,
  words: [
    '${A}',
    '${AB}',
    '${EMPTY}',
    '${',
    '}',
    '$',
    '*',
    '**',
    '\n',
    'A',
    'B',
    '${__proto__}',
    '${toString}',
  ],
  open: async () => pureTrial(tryTexts),
};

function tryTexts(input: Buffer): void {
  const [pattern = '', ...texts] = input.toString().split('\n');
  const environment = environmentFor('network', variables, [pattern]);
  const { value, inserted, refused, unset } = expand(texts, ['scope'], environment);
  if (!Array.isArray(value) || value.length !== texts.length) throw new Error('texts were lost');
  const replaced = new Map(inserted.map(({ path, text }) => [path[1], text]));
  for (const [index, text] of texts.entries()) {
    const expected = replaced.get(index) ?? (value[index] === '' ? '' : text);
    if (value[index] !== expected) throw new Error(`'${text}' became what was not inserted`);
    if (value[index] !== text && !/^\$\{(?:A|AB|EMPTY)\}$/.test(text))
      throw new Error(`'${text}' names nothing`);
  }
  for (const { name } of refused)
    if (pattern === name || pattern === '*') throw new Error(`${name} is allowed`);
  for (const { name } of unset) if (Object.hasOwn(variables, name)) throw new Error(`${name} is set`);
}
