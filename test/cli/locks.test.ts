import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { optionsOf, outcomeOf } from './support.ts';

describe('tokens of the API', () => {
  test('are given as themselves, by a variable, or in a file', () => {
    const env = { TOKEN: 'from-the-environment', WHERE: 'file:/run/secrets/token' };
    const flags = ['plain', '${TOKEN}', '${WHERE}', 'file:relative/token'];
    expect(optionsOf(['-d', ...flags.flatMap((flag) => ['--api-token', flag])], env).apiTokens).toEqual([
      { kind: 'text', token: 'plain' },
      { kind: 'text', token: 'from-the-environment' },
      { kind: 'file', path: '/run/secrets/token' },
      { kind: 'file', path: 'relative/token' },
    ]);
  });

  test('a flag outweighs the variable, which holds a single one', () => {
    const env = { ORB_WORKER_API_TOKEN: 'a:b,c', ORB_WORKER_API_READ_TOKEN: '${READER}', READER: 'r' };
    expect(optionsOf(['-d'], env)).toMatchObject({
      apiTokens: [{ kind: 'text', token: 'a:b,c' }],
      apiReadTokens: [{ kind: 'text', token: 'r' }],
    });
    expect(optionsOf(['-d', '--api-token', 'x'], env).apiTokens).toEqual([{ kind: 'text', token: 'x' }]);
  });

  test('the variables that hold them stay with the daemon', () => {
    const env = { A: 'a', B: 'b', C: 'c', ORB_WORKER_API_READ_TOKEN: '${C}' };
    const { secretVariables } = optionsOf(['-d', '--api-token', '${A}', '--api-token', '${B}'], env);
    expect(secretVariables).toEqual(['A', 'B', 'C']);
  });

  test.each([
    ['', 'the token is empty'],
    ['   ', 'the token is empty'],
    ['\n', 'the token is empty'],
    ['hunter2\n', 'the token has a line break in it'],
    ['hunter2\r\nhunter3', 'the token has a line break in it'],
    ['hunter 2', 'the token has a blank or a letter in it that is not ASCII'],
    ['hünter2', 'the token has a blank or a letter in it that is not ASCII'],
    ['hunter2\0', 'the token has a blank or a letter in it that is not ASCII'],
    ['hunter2'.repeat(600), 'the token has more than 4096 characters'],
    ['${hunter2}', "there is no variable 'hunter2'"],
    ['file:', 'file: should be followed by a path'],
    ['file: ', 'file: should be followed by a path'],
  ])('%j is refused, as a flag, by a variable and as the variable', (token, why) => {
    expect(outcomeOf(['-d', '--api-token', token])).toBe(`argument --api-token: ${why}`);
    expect(outcomeOf(['-d', '--api-read-token', '${T}'], { T: token })).toMatch(
      /^argument --api-read-token: (the token|file:)/,
    );
    expect(outcomeOf(['-d'], { ORB_WORKER_API_TOKEN: token })).toBe(
      `variable ORB_WORKER_API_TOKEN of --api-token: ${why}`,
    );
  });

  test('a good one does not make up for a bad one', () => {
    expect(outcomeOf(['-d', '--api-token', 'good', '--api-token', ''])).toContain('empty');
    expect(outcomeOf(['-d', '--api-token', '', '--api-token', 'good'])).toContain('empty');
  });

  test('no refusal shows any of what was given', () => {
    const texts = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(texts, (text) => {
        const outcome = outcomeOf(['-d', '--api-token', `S3CRET${text}`]);
        if (typeof outcome === 'string') expect(outcome).not.toContain('S3CRET');
      }),
    );
    const behind = outcomeOf(['-d', '--api-token', 'S3CRET', 'S3CRET-with-a-blank-before']);
    expect(behind).toBe('unrecognized arguments: ...');
  });
});

describe('certificate and key', () => {
  test.each([
    [['--tls-cert', '/c'], '--tls-key required with --tls-cert'],
    [['--tls-key', '/k'], '--tls-cert required with --tls-key'],
    [['--tls-client-ca', '/ca'], '--tls-cert and --tls-key required with --tls-client-ca'],
    [['--tls-cert', '', '--tls-key', '/k'], 'argument --tls-cert: a path is needed'],
    [['--tls-cert', '/c', '--tls-key', ' '], 'argument --tls-key: a path is needed'],
    [['--tls-client-ca='], 'argument --tls-client-ca: a path is needed'],
  ])('%j is refused', (flags, why) => {
    expect(outcomeOf(['-d', ...flags])).toBe(why);
  });

  test('an empty variable does not open what it should lock', () => {
    expect(outcomeOf(['-d'], { ORB_WORKER_TLS_CLIENT_CA: '' })).toBe(
      'variable ORB_WORKER_TLS_CLIENT_CA of --tls-client-ca: a path is needed',
    );
  });
});
