import { isDeepStrictEqual } from 'node:util';
import { deserialize } from 'node:v8';
import { RequestError, ValidationError } from '../../../src/errors.ts';
import type { PolicyDraft } from '../../../src/policy/contract.ts';
import { findPlaces } from '../../../src/policy/locate.ts';
import { type ReadOptions, readPolicy, readPolicyDocument } from '../../../src/policy/read-document.ts';
import { readKeptPolicy } from '../../../src/policy/read-kept.ts';
import { atOnce } from '../../../src/policy/steps.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

const SECRET = 'a value that only the environment knows';
const reading = { env: { SECRET, EMPTY: '', A: '1' }, allowEnv: ['A*'], hostTimezone: 'UTC' };

/**
 * Policy documents: read or refused with a reply, wherever they come from, and no value of the environment shown. What is
 * kept of one is read as it was.
 */
export const target: FuzzTarget = {
  name: 'policy',
  limitMs: 2_000,
  words: [
    ...[
      'policies:',
      '{',
      '}',
      '[',
      ']',
      ', ',
      ': ',
      '\n',
      '\n  ',
      '- ',
      '? ',
      '"',
      "'",
      '|',
      '>',
      '#',
      '---',
      '...',
    ],
    ...[
      '&a ',
      '*a',
      '<<: ',
      '!!str ',
      '!!binary ',
      '!!set ',
      '%YAML 1.1\n',
      '\t',
      '\r\n',
      '\ufeff',
      '\\x41',
      '\0',
    ],
    ...['config:', 'scope:', 'run:', 'package:', 'schedule:', 'timezone:', 'timeout:', 'overlap:', 'name:'],
    ...[
      '${SECRET}',
      '${A}',
      '${A${SECRET}}',
      '${EMPTY}',
      '__proto__',
      'constructor',
      'null',
      'no',
      '017',
      '1:30',
    ],
    ...[
      '0x1F',
      '1e999',
      '.nan',
      '99999999999999999999',
      '2026-02-30',
      '* * * * *',
      '0 0 30 2 *',
      'Europe/Berlin',
    ],
  ],
  open: async () => pureTrial(tryDocument),
};

function tryDocument(document: Buffer): void {
  for (const provenance of ['network', 'file'] as const) {
    const options = { ...reading, provenance };
    const whole = refusalOf(() => look(atOnce(readPolicyDocument(document, options)), options), RequestError);
    const alone = refusalOf(() => look([atOnce(readPolicy('p', document, options))], options), RequestError);
    for (const refusal of [whole, alone]) if (refusal !== undefined) lookAtRefusal(refusal);
    if (whole instanceof ValidationError) lookAtPlaces(whole, document);
  }
  if ('polluted' in {}) throw new Error('a prototype was changed');
}

function look(drafts: readonly PolicyDraft[], options: ReadOptions): void {
  for (const { payload, written, document, warnings, name } of drafts) {
    const again = readKeptPolicy(name, document, options);
    if (!isDeepStrictEqual(deserialize(again.payload), deserialize(payload)) || again.document !== document)
      throw new Error('what is kept of a policy is read otherwise');
    if (JSON.stringify({ written, warnings, name }).includes(SECRET)) throw new Error('a secret is shown');
  }
}

function lookAtRefusal(refusal: RequestError): void {
  if (refusal.statusCode !== 400 && refusal.statusCode !== 403) throw refusal;
  if (JSON.stringify(refusal.detail).includes(SECRET)) throw new Error('a refusal shows a secret');
}

function lookAtPlaces({ findings }: ValidationError, document: Buffer): void {
  const placeOf = findPlaces(
    document,
    findings.map(({ path }) => path),
  );
  for (const { path } of findings) {
    const { line, column } = placeOf(path);
    if (!(line >= 1 && column >= 1)) throw new Error(`line ${line}, column ${column} is no place`);
  }
}
