import { isDeepStrictEqual } from 'node:util';
import { StartError } from '../../../src/errors.ts';
import { describeTarget, parseTarget } from '../../../src/sink/target.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

/** What `--diode-target` says. */
export const target: FuzzTarget = {
  name: 'diode-target',
  limitMs: 500,
  words: [
    ...[
      'grpc://',
      'grpcs://',
      'http://',
      'HTTPS://',
      'localhost',
      '127.0.0.1',
      '[::1]',
      '[',
      ']',
      ':',
      ':80',
      ':0',
    ],
    ...[
      ':65536',
      '/',
      '//',
      '/a/b/',
      '..',
      '%2F',
      '%',
      '@',
      'user:pw@',
      '?',
      '#',
      '\\',
      ' ',
      '\t',
      'ü',
      '0x7f.1',
      '.',
    ],
  ],
  open: async () => pureTrial(tryText),
};

function tryText(input: Buffer): void {
  const text = input.toString();
  const refusal = refusalOf(() => lookAt(text), StartError);
  if (refusal !== undefined && refusal.exitStatus !== 1) throw refusal;
}

function lookAt(text: string): void {
  const parsed = parseTarget(text);
  const { host, port, path } = parsed;
  if (host === '' || /[\s[\]/@]/.test(host)) throw new Error(`'${host}' is no host`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${port} is no port`);
  if (path.endsWith('/') || (path !== '' && !path.startsWith('/'))) throw new Error(`'${path}' is no path`);
  const again = parseTarget(describeTarget(parsed));
  if (!isDeepStrictEqual(again, parsed))
    throw new Error(`described as ${describeTarget(parsed)}, another target`);
}
