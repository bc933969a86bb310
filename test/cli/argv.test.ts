import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArgvFlag, readArgv } from '../../src/cli/argv.ts';
import { optionsOf, outcomeOf } from './support.ts';

const NEEDS_TARGET = '--diode-target required when not running with --dry-run';
const AMBIGUOUS_D =
  'could match --diode-target, --diode-client-id, --diode-client-secret, --diode-app-name-prefix, --dry-run, --dry-run-output-dir, --debug, --data-dir, --data-max-bytes';

describe('what upstream refuses is refused in its words', () => {
  test.each([
    [[], NEEDS_TARGET],
    [['-t', ''], NEEDS_TARGET],
    [['-p', 'abc'], "argument -p/--port: invalid int value: 'abc'"],
    [['-p', 'abc', '-V'], "argument -p/--port: invalid int value: 'abc'"],
    [['-p', 'abc', '--nope'], "argument -p/--port: invalid int value: 'abc'"],
    [['-p8a'], "argument -p/--port: invalid int value: '8a'"],
    [['-p', '0x10'], "argument -p/--port: invalid int value: '0x10'"],
    [['--port='], "argument -p/--port: invalid int value: ''"],
    [['-p='], "argument -p/--port: invalid int value: ''"],
    [['-p', ''], "argument -p/--port: invalid int value: ''"],
    [['-p 5 6'], "argument -p/--port: invalid int value: ' 5 6'"],
    [['-ps'], "argument -p/--port: invalid int value: 's'"],
    [['-dp=3'], "argument -p/--port: invalid int value: '=3'"],
    [['--otel-export-period', '1.5', '-d'], "argument --otel-export-period: invalid int value: '1.5'"],
    [['--nope'], 'unrecognized arguments: --nope'],
    [['-d', 'extra'], 'unrecognized arguments: extra'],
    [
      ['--data-dir', 'trace', 'doctor', 'trace'],
      'unrecognized arguments: doctor trace (a command comes before its flags: orb-worker doctor ...)',
    ],
    [['--data-dir', 'doctor', 'extra'], 'unrecognized arguments: extra'],
    [
      ['-p', '8071', '--json', 'dead-letters'],
      'unrecognized arguments: --json ... (a command comes before its flags: orb-worker dead-letters ...)',
    ],
    [['-'], 'unrecognized arguments: -'],
    [['-1'], 'unrecognized arguments: -1'],
    [['--'], 'unrecognized arguments: --'],
    [['-d', '--', '-x'], 'unrecognized arguments: -- -x'],
    [['-d', '--', '--'], 'unrecognized arguments: -- --'],
    [['-t'], 'argument -t/--diode-target: expected one argument'],
    [['-t', '-x'], 'argument -t/--diode-target: expected one argument'],
    [['-t', '-d'], 'argument -t/--diode-target: expected one argument'],
    [['-t', '--diode-client-id'], 'argument -t/--diode-target: expected one argument'],
    [['-t', '--', 'x'], 'argument -t/--diode-target: expected one argument'],
    [['-p'], 'argument -p/--port: expected one argument'],
    [['-Vp'], 'argument -p/--port: expected one argument'],
    [['--otel-endpoint'], 'argument --otel-endpoint: expected one argument'],
    [['-d=3'], "argument -d/--dry-run: ignored explicit argument '3'"],
    [['-dx'], "argument -d/--dry-run: ignored explicit argument 'x'"],
    [['-d-p', '5'], "argument -d/--dry-run: ignored explicit argument '-p'"],
    [['-V1'], "argument -V/--version: ignored explicit argument '1'"],
    [['--version=1'], "argument -V/--version: ignored explicit argument '1'"],
    [['--debug=1'], "argument --debug: ignored explicit argument '1'"],
    [['--d', 'x'], `ambiguous option: --d ${AMBIGUOUS_D}`],
    [['-V', '--d'], `ambiguous option: --d ${AMBIGUOUS_D}`],
    [['--h'], 'ambiguous option: --h could match --help, --host, --history-runs, --history-age'],
  ])('%j', (argv, message) => {
    expect(outcomeOf(argv)).toBe(message);
  });
});

describe('what upstream takes is taken', () => {
  test.each([[['-V', '-p', 'abc']], [['-V', '-t']], [['--nope', '-V']], [['-dV']], [['-Vh']], [['--ver']]])(
    '%j shows the version',
    (argv) => {
      expect(outcomeOf(argv)).toEqual({ kind: 'version' });
    },
  );

  test.each([[['-h', '-p', 'abc']], [['-dh']], [['--he']], [['-d', 'extra', '--help']]])(
    '%j shows the help',
    (argv) => {
      expect(outcomeOf(argv)).toEqual({ kind: 'help' });
    },
  );

  test.each([
    [['-d', '-p', '9'], 9],
    [['-d', '-p9'], 9],
    [['-dp9'], 9],
    [['-d', '-p=9'], 9],
    [['-d', '--port=9'], 9],
    [['-d', '--port', ' 9 '], 9],
    [['-d', '--p', '9'], 9],
    [['-d', '--por=9'], 9],
    [['-d', '-p', '1_0'], 10],
    [['-d', '-p', '8', '-p', '9'], 9],
    [['-dd', '-p', '0'], 0],
  ])('%j', (argv, port) => {
    expect(optionsOf(argv)).toMatchObject({ dryRun: true, port });
  });

  test('a value that begins with a dash is taken where upstream takes it', () => {
    expect(optionsOf(['-t', '-5'])).toMatchObject({ diodeTarget: '-5' });
    expect(optionsOf(['-d', '-a', '-x y'])).toMatchObject({ diodeAppNamePrefix: '-x y' });
    expect(optionsOf(['-d', '-a=-x'])).toMatchObject({ diodeAppNamePrefix: '-x' });
    expect(optionsOf(['-d', '--diode-app-name-prefix=--debug'])).toMatchObject({
      diodeAppNamePrefix: '--debug',
      logLevel: 'info',
    });
  });

  test("the agent's own line is read", () => {
    const argv =
      '--diode-target grpc://d:80/x --diode-client-id i --diode-client-secret s --diode-app-name-prefix agent --host localhost --port 8071 --otel-endpoint grpc://o:4317';
    expect(optionsOf(argv.split(' '))).toMatchObject({
      diodeTarget: 'grpc://d:80/x',
      diodeClientId: 'i',
      diodeClientSecret: 's',
      diodeAppNamePrefix: 'agent',
      host: 'localhost',
      port: 8071,
      otelEndpoint: 'grpc://o:4317',
    });
  });
});

describe('nothing that may be a secret is echoed', () => {
  const secret = 'hunter2-hunter2';
  test.each([
    [['-d', `--diode-client-secrt=${secret}`], 'unrecognized arguments: --diode-client-secrt'],
    [['-d', '--diode-client-secrt', secret], 'unrecognized arguments: --diode-client-secrt ...'],
    [['-d', '-k', 'a', secret], 'unrecognized arguments: ...'],
    [['-d', '-c', 'id', secret], 'unrecognized arguments: ...'],
    [['-dk', 'two', secret], 'unrecognized arguments: ...'],
    [['-d', `-K${secret}`], 'unrecognized arguments: -K...'],
    [['-d', `-K=${secret}`], 'unrecognized arguments: -K...'],
    [
      ['-d', `--diode-client=${secret}`],
      'ambiguous option: --diode-client could match --diode-client-id, --diode-client-secret',
    ],
    [['-d', '-k', `--${secret}`], 'argument -k/--diode-client-secret: expected one argument'],
    [['-d', '-k', secret], '--diode-client-id required with --diode-client-secret'],
  ])('%j', (argv, message) => {
    expect(outcomeOf(argv)).toBe(message);
  });
});

const flagLike = fc.constantFrom(
  '-d',
  '-t',
  '-c',
  '-k',
  '-p',
  '-o',
  '-s',
  '-a',
  '-dp',
  '--dry-run',
  '--diode-target',
  '--diode-client-secret=',
  '--port',
  '--port=1',
  '--debug',
  '--de',
  '--d',
  '--',
  '-',
  '',
  '=',
  '--=',
  '-=',
  '--log-level',
  '--log-level=json',
  '--backends-dir',
  '--allow-env=*',
  '--run-timeout',
  '5m',
  '--concurrency',
  '1e9',
  '${A}',
  '-1',
  '-.5',
  ' ',
  '\n',
);
const words = fc.array(
  fc.oneof(
    flagLike,
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string().map((text) => `-${text}`),
  ),
  { maxLength: 8 },
);

test('any command line comes to help, version, good options, or one sentence', () => {
  fc.assert(
    fc.property(words, (argv) => {
      const outcome = outcomeOf(argv, { A: 'x' });
      if (typeof outcome === 'string') expect(outcome).not.toBe('');
      else if (outcome.kind === 'daemon') {
        const { dryRun, diodeTarget, diodeClientId, diodeClientSecret, port } = outcome.options;
        expect(dryRun || diodeTarget !== undefined).toBe(true);
        expect(diodeClientId === undefined).toBe(diodeClientSecret === undefined);
        expect(port).toBeGreaterThanOrEqual(0);
        expect(port).toBeLessThanOrEqual(65_535);
      } else {
        const ends = outcome.kind === 'help' ? /^(?:-[a-zA-Z]*h|--he)/ : /^(?:-[a-zA-Z]*V|--v)/;
        expect(argv.some((word) => ends.test(word))).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('whatever stands around it, the value of a credential is never echoed', () => {
  const secret = 'hunter2-hunter2';
  const secretWords = fc.constantFrom(
    ['-k', secret],
    [`-k${secret}`],
    [`--diode-client-secret=${secret}`],
    ['--diode-client-s', secret],
    ['-k', 'two', secret],
    ['-dk', 'two', secret],
    [`--diode-client-sekret=${secret}`],
    ['--diode-client-sekret', secret],
  );
  fc.assert(
    fc.property(words, secretWords, words, (before, middle, after) => {
      const outcome = outcomeOf([...before.filter((word) => word !== '--'), ...middle, ...after]);
      if (typeof outcome === 'string') expect(outcome).not.toContain(secret);
    }),
    { numRuns: 1_000 },
  );
});

describe('words beside flags, where some are wanted', () => {
  const port: ArgvFlag = { key: 'port', long: '--port', short: '-p', takesValue: true, credential: false };
  test.each([
    [['a', '-p', '1', 'b'], ['a', 'b'], undefined],
    [['-p1', '--', '-a', 'b'], ['-a', 'b'], undefined],
    [['a', '--', 'b', '--'], ['a', 'b'], 'unrecognized arguments: --'],
    [['-5', ''], ['-5', ''], undefined],
    [['a', 'b', 'c', 'd'], ['a', 'b'], 'unrecognized arguments: c d'],
    [['a', '-x', 'secret'], ['a', 'secret'], 'unrecognized arguments: -x'],
    [['a', '-p'], ['a'], 'argument -p/--port: expected one argument'],
  ])('%j', (argv, words, fault) => {
    const reading = readArgv(argv, [port], 2);
    expect(reading.fault).toBe(fault);
    if (fault?.startsWith('argument') !== true) expect(reading.words).toEqual(words);
  });
});
