import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redactorOf } from '../../src/redact.ts';
import { durationText } from '../../src/run/duration-text.ts';
import { reasonOf } from '../../src/run/reason.ts';

describe('a duration as text', () => {
  test.each([
    [300_000, '5m'],
    [90_000, '1m30s'],
    [5_400_000, '1h30m'],
    [86_400_000, '24h'],
    [1_500, '1.5s'],
    [1, '0.001s'],
    [0, '0s'],
  ])('%d ms is %s', (durationMs, expected) => {
    expect(durationText(durationMs)).toBe(expected);
  });
});

describe('secrets', () => {
  test.each([
    ['the value itself', ['hunter22'], 'login failed: hunter22!', 'login failed: ***!'],
    ['every place', ['hunter22'], 'hunter22 hunter22', '*** ***'],
    ['the longest first', ['pass', 'password'], 'password pass', '*** ***'],
    ['what a pattern would read otherwise', ['a.*(b$&'], 'got a.*(b$& here', 'got *** here'],
    ['each line of a value', ['begin key\nAAAABBBB\r\nend key'], 'line: AAAABBBB', 'line: ***'],
    ['as it stands in JSON', ['pass"word'], '{"p":"pass\\"word"}', '{"p":"***"}'],
    ['as it stands in a URL', ['p@ss/word'], 'https://u:p%40ss%2Fword@host', 'https://u:***@host'],
    [
      'the password in a URL, as it was written and as it is meant',
      ['https://u:p%40ssword@host/x'],
      'https://u:p%40ssword@host/x u:p%40ssword@host p@ssword dTpwQHNzd29yZA==',
      '*** u:***@host *** ***',
    ],
    ['nothing of a URL without one', ['https://u@host'], 'u@host', 'u@host'],
    ['not what is too short to be told from chance', ['yes', '1'], 'yes, 1 device', 'yes, 1 device'],
    ['nothing without secrets', [], 'hello', 'hello'],
  ])('are taken out: %s', (_what, secrets, text, expected) => {
    expect(redactorOf(secrets)(text)).toBe(expected);
  });

  test('never stay, whatever stands around them', () => {
    const secret = fc.string({ minLength: 4 }).filter((text) => !text.includes('*'));
    fc.assert(
      fc.property(fc.array(secret, { minLength: 1 }), fc.string(), fc.string(), (secrets, before, after) => {
        const redact = redactorOf(secrets);
        for (const one of secrets) expect(redact(`${before}${one}${after}`)).not.toContain(one);
      }),
    );
  });
});

describe('a reason', () => {
  test('is kept as it is up to 2,000 characters', () => {
    expect(reasonOf('x'.repeat(2_000), (text) => text)).toBe('x'.repeat(2_000));
  });

  test('is cut beyond them, and says so', () => {
    const reason = reasonOf(`${'x'.repeat(1_996)}😀${'y'.repeat(10_000_000)}`, (text) => text);
    expect(reason).toHaveLength(2_000);
    expect(reason.endsWith('...')).toBe(true);
    expect(reason.isWellFormed()).toBe(true);
  });

  test('holds no part of a secret that the cut falls into', () => {
    const reason = reasonOf(`${'x'.repeat(1_990)}topsecretvalue`, redactorOf(['topsecretvalue']));
    expect(reason).toBe(`${'x'.repeat(1_990)}***`);
  });
});
