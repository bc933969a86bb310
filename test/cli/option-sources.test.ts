import { describe, expect, test } from 'vitest';
import { optionsOf, outcomeOf } from './support.ts';

// Where the value of an option comes from: flags, variables, and what those name.

describe('precedence', () => {
  test('a flag outweighs its variable, an empty one does not', () => {
    const env = { ORB_WORKER_DIODE_TARGET: 'grpc://variable', ORB_WORKER_PORT: '1' };
    expect(optionsOf(['-t', 'grpc://flag', '-p', '2'], env)).toMatchObject({
      diodeTarget: 'grpc://flag',
      port: 2,
    });
    expect(optionsOf(['-t', ''], env)).toMatchObject({ diodeTarget: 'grpc://variable', port: 1 });
  });

  test('the last of a flag given twice counts', () => {
    expect(optionsOf(['-t', 'a', '--diode-target=b'])).toMatchObject({ diodeTarget: 'b' });
    expect(outcomeOf(['-t', 'a', '-t', ''])).toMatch('--diode-target required');
  });

  test('empty values are as absent, in flags and variables', () => {
    const agent = ['-t', 'grpc://d', '-c', '', '-k', '', '-a', '', '-o', '', '-s', '', '--otel-endpoint', ''];
    expect(
      optionsOf(agent, { ORB_WORKER_PORT: '', ORB_WORKER_DRY_RUN: '', ORB_WORKER_BACKENDS_DIR: ':' }),
    ).toEqual(optionsOf(['-t', 'grpc://d']));
  });

  test("--debug is the log's level, but a variable does not outweigh the flag of the other name", () => {
    expect(optionsOf(['-d', '--debug', '--log-level', 'error']).logLevel).toBe('debug');
    expect(optionsOf(['-d'], { ORB_WORKER_DEBUG: '1' }).logLevel).toBe('debug');
    expect(optionsOf(['-d', '--debug'], { ORB_WORKER_LOG_LEVEL: 'error' }).logLevel).toBe('debug');
    expect(optionsOf(['-d', '--log-level', 'error'], { ORB_WORKER_DEBUG: '1' }).logLevel).toBe('error');
  });

  test.each([
    [
      "the SDK's variable for the output directory",
      'DIODE_DRY_RUN_OUTPUT_DIR',
      'ORB_WORKER_DRY_RUN_OUTPUT_DIR',
      '-o',
      'dryRunOutputDir',
    ],
    [
      "the Python worker's variable for the bundles",
      'BUNDLES_ROOT_PATH',
      'ORB_WORKER_BUNDLES_ROOT',
      '--bundles-root',
      'bundlesRoot',
    ],
  ] as const)('%s counts after ours', (_variable, theirs, ours, flag, option) => {
    const env = { [theirs]: '/theirs' };
    expect(optionsOf(['-d'], env)[option]).toBe('/theirs');
    expect(optionsOf(['-d', flag, '/flag'], env)[option]).toBe('/flag');
    expect(optionsOf(['-d'], { ...env, [ours]: '/ours' })[option]).toBe('/ours');
    expect(optionsOf(['-d'], { [theirs]: '' })[option]).toBeUndefined();
  });
});

describe('${NAME}', () => {
  const env = { TARGET: 'grpc://d', ID: 'i', SECRET: 's3cret', OUT: '/o', EMPTY: '', 'A${B}': 'odd' };

  test('is read from the environment for target, credentials and output directory', () => {
    const options = optionsOf(['-t', '${TARGET}', '-c', '${ID}', '-k', '${SECRET}', '-o', '${OUT}'], env);
    expect(options).toMatchObject({
      diodeTarget: 'grpc://d',
      diodeClientId: 'i',
      diodeClientSecret: 's3cret',
      dryRunOutputDir: '/o',
    });
  });

  test('names of the secrets are told, the output directory is none', () => {
    const variables = { ...env, ORB_WORKER_DIODE_CLIENT_SECRET: '${SECRET}' };
    expect(optionsOf(['-t', '${TARGET}', '-c', '${ID}', '-o', '${OUT}'], variables)).toMatchObject({
      diodeClientSecret: 's3cret',
      secretVariables: ['TARGET', 'ID', 'SECRET'],
    });
  });

  test.each([
    ['${UNSET}', '${UNSET}'],
    ['x${TARGET}', 'x${TARGET}'],
    ['${TARGET}x', '${TARGET}x'],
    ['${}', '${}'],
    [' ${TARGET}', ' ${TARGET}'],
    ['$TARGET', '$TARGET'],
    ['${A${B}}', 'odd'],
  ])('%s stays or becomes %s', (text, expected) => {
    expect(optionsOf(['-t', text], env).diodeTarget).toBe(expected);
  });

  test('an empty variable is as absent', () => {
    expect(outcomeOf(['-t', '${EMPTY}'], env)).toMatch('--diode-target required');
    expect(optionsOf(['-t', '${EMPTY}'], { ...env, ORB_WORKER_DIODE_TARGET: 'grpc://v' }).diodeTarget).toBe(
      'grpc://v',
    );
  });

  test('is not read for host and prefix', () => {
    expect(optionsOf(['-d', '-s', '${ID}', '-a', '${ID}'], env)).toMatchObject({
      host: '${ID}',
      diodeAppNamePrefix: '${ID}',
    });
  });
});

describe('variables', () => {
  test('what Kubernetes injects for a service of this name is ignored', () => {
    const env = { ORB_WORKER_PORT: 'tcp://10.0.0.1:8071', ORB_WORKER_HOST: 'tcp://10.0.0.1:8071' };
    expect(optionsOf(['-d'], env)).toMatchObject({ port: 8071, host: '127.0.0.1' });
  });

  test.each(['true', '1', 'yes', 'on', 'TRUE', ' Yes '])('%s is yes', (text) => {
    expect(optionsOf(['-t', 'x'], { ORB_WORKER_DRY_RUN: text }).dryRun).toBe(true);
  });

  test.each(['false', '0', 'no', 'off', 'False'])('%s is no', (text) => {
    expect(optionsOf(['-t', 'x'], { ORB_WORKER_DRY_RUN: text }).dryRun).toBe(false);
  });

  test.each([
    [
      'ORB_WORKER_DRY_RUN',
      'maybe',
      "variable ORB_WORKER_DRY_RUN of -d/--dry-run: invalid boolean value: 'maybe' (true or false)",
    ],
    ['ORB_WORKER_PORT', 'abc', "variable ORB_WORKER_PORT of -p/--port: invalid int value: 'abc'"],
    [
      'ORB_WORKER_PORT',
      '70000',
      "variable ORB_WORKER_PORT of -p/--port: invalid int value: '70000' (must be from 0 to 65535)",
    ],
    [
      'ORB_WORKER_LOG_LEVEL',
      'loud',
      "variable ORB_WORKER_LOG_LEVEL of --log-level: invalid choice: 'loud' (choose from 'debug', 'info', 'warn', 'error')",
    ],
  ])('%s=%s is refused', (name, value, message) => {
    expect(outcomeOf(['-t', 'x'], { [name]: value })).toBe(message);
  });
});
