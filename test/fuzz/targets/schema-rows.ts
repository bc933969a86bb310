import { MAX_CONTROL_BYTES } from '../../../src/backend/frames.ts';
import { readPolicy } from '../../../src/backend/isolate/schemas.ts';
import { readMessage } from '../../../src/backend/read-message.ts';
import { type FuzzTarget, pureTrial } from '../support/target.ts';

/** What a backend's own schema finds, in JSON: the isolate makes rows of it that the daemon takes, or throws. */
export const target: FuzzTarget = {
  name: 'schema-rows',
  limitMs: 1_000,
  words: [
    ...[
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"message"',
      '"path"',
      '"key"',
      '"',
      'null',
      'true',
      '0',
      '-1',
      '1e999',
    ],
    ...[
      '"__proto__"',
      '"scope"',
      '\\u0000',
      '\\ud800',
      '{"message":"no","path":["a",{"key":0}]}',
      '{"message":1}',
    ],
  ],
  open: async () => pureTrial(tryIssues),
};

async function tryIssues(input: Buffer): Promise<void> {
  const issues = issuesIn(input.toString());
  const schema = { '~standard': { version: 1, vendor: 'fuzz', validate: () => ({ issues }) } } as const;
  const backend = { describe: () => NOBODY, run: () => [], config: schema };
  const written = { config: { a: [{ b: 1 }] }, scope: null };
  const read = await readPolicy(backend, written).catch((error: unknown) => error);
  if (read instanceof TypeError || !(typeof read === 'object' && read !== null && 'findings' in read)) return;
  const body = Buffer.from(JSON.stringify({ type: 'checked', id: 1, findings: read.findings }));
  if (body.length > MAX_CONTROL_BYTES) throw new Error(`a message of ${body.length} bytes`);
  readMessage(body);
}

const NOBODY = { name: 'x', app_name: 'x', app_version: '1' };

function issuesIn(text: string): { message: string }[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [{ message: text, ...(value as object) }];
  } catch {
    return text.split(',').map((message) => ({ message, path: message.split('.') }));
  }
}
