import { describe, expect, test } from 'vitest';
import { policyWith, read, readOne, warningsOf } from './read.ts';

const withScope = (scope: string): string =>
  `policies:\n  p:\n    config: {package: x}\n    scope: ${scope}\n`;

describe('YAML 1.1', () => {
  test.each([
    ['NO', 'NO is read as false: write false, or'],
    ['yes', 'yes is read as true: write true, or'],
    ['017', '017 is read as 15: write 15, or'],
    ['1:30', '1:30 is read as 90: write 90, or'],
    ['1_000', '1_000 is read as 1000'],
    ['0b11', '0b11 is read as 3'],
    ['1:30.5', '1:30.5 is read as 90.5'],
    ['1e3', '1e3 is read as text'],
    ['08', '08 is read as text'],
    ['0o17', '0o17 is read as text'],
    ['2031-01-01', '2031-01-01 is a date to the Python worker and text here'],
    ['9007199254740993', '9007199254740993 is larger than a number holds exactly'],
    ['!!binary aGk=', 'binary data stays Base64 text here'],
  ])('%s is told of, with its place', (text, message) => {
    const column = text.startsWith('!!') ? 21 : 12;
    const warnings = warningsOf(withScope(text));
    expect(warnings).toEqual([expect.stringContaining(`policies.p.scope 4:${column} ${message}`)]);
  });

  test.each([
    'false',
    'True',
    'null',
    '~',
    '0',
    '-5',
    '15',
    '0x1f',
    '1.5',
    '1.0e+3',
    '10.0.0.1',
    '1.2.3',
    '"NO"',
    "'017'",
    '!!int 017',
    'north',
    '+49 30',
    '"2031-01-01"',
    '|\n      NO',
    '::1',
    'y',
  ])('%j surprises nobody', (text) => {
    expect(warningsOf(withScope(text))).toEqual([]);
  });

  test('keys that are no text, and keys given twice', () => {
    expect(warningsOf(withScope('{on: 1, 7: 2, a: 3, a: 4, b: {a: 5}}'))).toEqual([
      expect.stringMatching(
        /^policies\.p\.scope\.on 4:13 the key on is read as true, and is the text 'true'/,
      ),
      expect.stringMatching(/^policies\.p\.scope\.7 4:20 the key 7 is read as 7/),
      "policies.p.scope.a 4:32 the key 'a' is given twice: the last one counts",
    ]);
  });

  test('a merged key that is given again is none that is given twice', () => {
    expect(warningsOf(withScope('{<<: {a: 1}, a: 2}'))).toEqual([]);
  });

  test('places are those of the document as it was sent', () => {
    expect(warningsOf('\ufeffpolicies: {\np: {config: {package: x}, scope:\n  [1,\r\n NO]}}')).toEqual([
      expect.stringMatching(/^policies\.p\.scope\.1 4:2 NO/),
    ]);
  });

  test('what lies outside the policies is told of the first', () => {
    const body =
      'base: &b {country: NO}\npolicies: {p: {config: {package: x}, scope: *b}, q: {config: {package: x}, scope: yes}}';
    expect(read(body).map(({ warnings }) => warnings.map(({ field }) => field))).toEqual([
      ['base.country'],
      ['policies.q.scope'],
    ]);
  });

  test('of many the first 50 are told', () => {
    const { warnings } = readOne(withScope(`[${'NO, '.repeat(500)}]`));
    expect(warnings).toHaveLength(51);
    expect(warnings.at(-1)?.message).toContain('more than 50 warnings');
  });
});

describe('keys', () => {
  test.each([
    [
      '{package: x, shedule: "* * * * *"}',
      '',
      "config.shedule 1:37 'shedule' is left to the backend: did you mean 'schedule'?",
    ],
    [
      '{package: x, Schedule: "* * * * *"}',
      '',
      "config.Schedule 1:37 'Schedule' is left to the backend: did you mean 'schedule'?",
    ],
    [
      '{package: x}',
      ', schedule: "* * * * *"',
      "schedule 1:49 'schedule' has no effect here: it belongs in config",
    ],
    ['{package: x}', ', timeout: 5m', "timeout 1:49 'timeout' has no effect here: it belongs in run"],
    ['{package: x}', ', Run: {timeout: 5m}', "Run 1:49 'Run' has no effect here: did you mean 'run'?"],
    ['{package: x}', ', scopes: 1', "scopes 1:49 'scopes' has no effect here: did you mean 'scope'?"],
    [
      '{package: x, run: {timeout: 5m}}',
      '',
      "config.run 1:37 'run' is left to the backend: ours lies beside config, not in it",
    ],
    [
      '{package: x, overlap: allow}',
      '',
      "config.overlap 1:37 'overlap' is left to the backend: ours is 'overlap' in the policy's run",
    ],
    [
      '{package: x, schedule: "* * * * *", timezone: Asia/Tokyo}',
      '',
      "config.timezone 1:60 'timezone' is left to the backend: the schedule's zone is 'timezone' in the policy's run",
    ],
  ])('config %s%s', (config, more, warning) => {
    expect(warningsOf(policyWith({ config, more }))).toEqual([`policies.p.${warning}`]);
  });

  test('a key beside policies', () => {
    expect(warningsOf(`polices: 1\n${policyWith()}`)).toEqual([
      "polices 1:1 'polices' has no effect: did you mean 'policies'?",
    ]);
  });

  test.each([
    ['{package: x, schedules: "* * * * *", schedule: "* * * * *"}', ''],
    ['{package: x, shedule: 5}', ''],
    ['{package: x, timeout: 5m, retries: 3, packages: [a], overlap: 5, timezone: Asia/Tokyo}', ''],
    ['{package: x, schedule: "* * * * *", timezone: Asia/Tokyo}', ', run: {timezone: Asia/Tokyo}'],
    ['{package: x, run: {command: ls}}', ''],
    ['{package: x}', ', comment: y, owner: z, scop: 1, version: 2'],
  ])("a backend's own keys are no slips: config %s%s", (config, more) => {
    const warnings = warningsOf(policyWith({ config, more })).filter((text) => !text.includes("'scop'"));
    expect(warnings).toEqual([]);
  });
});

test('an unset variable is told of where it stands, in an alias where the alias stands', () => {
  const body =
    'base: &b\n  token: "${NO}"\npolicies:\n  p:\n    config: {package: x}\n    scope: *b\n  q:\n    config: {package: x}\n    scope: ["${NO}"]\n';
  const [p, q] = read(body);
  const message = "the environment variable 'NO' is not set: the text stays as it is";
  expect(p?.warnings).toEqual([{ field: 'policies.p.scope.token', line: 6, column: 5, message }]);
  expect(q?.warnings).toEqual([{ field: 'policies.q.scope.0', line: 9, column: 13, message }]);
});

test('a schedule that the Python worker reads otherwise is told of, one from the environment is not quoted', () => {
  const config = '{package: x, schedule: "0 3 * * 1-5"}';
  expect(warningsOf(policyWith({ config }))).toEqual([
    expect.stringContaining("'0 3 * * mon-fri' means the same to both"),
  ]);
  const fromEnvironment = policyWith({ config: '{package: x, schedule: "${CRON}"}' });
  expect(warningsOf(fromEnvironment, { env: { CRON: '0 3 * * 1-5' } })).toEqual([]);
});
