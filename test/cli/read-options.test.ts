import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPTIONS, variableOf } from '../../src/cli/options.ts';
import { optionsOf, outcomeOf } from './support.ts';

test('without flags and variables the defaults hold', () => {
  expect(optionsOf(['-d'])).toEqual({
    host: '127.0.0.1',
    port: 8071,
    diodeTarget: undefined,
    diodeClientId: undefined,
    diodeClientSecret: undefined,
    diodeAppNamePrefix: undefined,
    dryRun: true,
    dryRunOutputDir: undefined,
    otelEndpoint: undefined,
    otelExportPeriodSeconds: 60,
    logLevel: 'info',
    logFormat: 'auto',
    bundlesRoot: undefined,
    backendsDirs: [],
    concurrency: Number.POSITIVE_INFINITY,
    runTimeoutMs: undefined,
    stopTimeoutMs: 2_000,
    backendMemoryMiB: 512,
    allowEnv: [],
    apiTokens: [],
    apiReadTokens: [],
    tlsCert: undefined,
    tlsKey: undefined,
    tlsClientCa: undefined,
    dataDir: undefined,
    historyRuns: 100,
    historyAgeMs: 30 * 86_400_000,
    dataMaxBytes: 4 * 1024 ** 3,
    secretVariables: [],
  });
});

test('an IPv6 address to listen on may stand in brackets', () => {
  expect(optionsOf(['-d', '-s', '[::1]']).host).toBe('::1');
  expect(optionsOf(['-d'], { ORB_WORKER_HOST: '[fe80::1%eth0]' }).host).toBe('fe80::1%eth0');
});

test('every flag arrives', () => {
  const argv = [
    ...[
      '--host',
      '::1',
      '--port',
      '0',
      '--diode-target',
      'grpc://d',
      '--diode-client-id',
      'i',
      '--diode-client-secret',
      's',
    ],
    ...['--diode-app-name-prefix', 'p', '--dry-run', '--dry-run-output-dir', '/o', '--otel-endpoint', 'o:1'],
    ...['--otel-export-period', '5', '--log-level', 'warn', '--log-format', 'json', '--backends-dir', '/a'],
    ...[
      '--bundles-root',
      '/bundles',
      '--backends-dir',
      '/b:c',
      '--concurrency',
      '7',
      '--run-timeout',
      '1h30m',
      '--stop-timeout',
      '0.5',
    ],
    ...['--backend-memory', '64', '--allow-env', 'SNMP_*', '--allow-env', 'X'],
    ...['--api-token', 'one', '--api-token', 'file:/t', '--api-read-token', 'three'],
    ...['--tls-cert', '/c', '--tls-key', '/k', '--tls-client-ca', '/ca'],
    ...['--data-dir', '/data', '--history-runs', '5', '--history-age', '7d', '--data-max-bytes', '67108864'],
  ];
  expect(optionsOf(argv)).toEqual({
    host: '::1',
    port: 0,
    diodeTarget: 'grpc://d',
    diodeClientId: 'i',
    diodeClientSecret: 's',
    diodeAppNamePrefix: 'p',
    dryRun: true,
    dryRunOutputDir: '/o',
    otelEndpoint: 'o:1',
    otelExportPeriodSeconds: 5,
    logLevel: 'warn',
    logFormat: 'json',
    bundlesRoot: '/bundles',
    backendsDirs: ['/a', '/b:c'],
    concurrency: 7,
    runTimeoutMs: 5_400_000,
    stopTimeoutMs: 500,
    backendMemoryMiB: 64,
    allowEnv: ['SNMP_*', 'X'],
    apiTokens: [
      { kind: 'text', token: 'one' },
      { kind: 'file', path: '/t' },
    ],
    apiReadTokens: [{ kind: 'text', token: 'three' }],
    tlsCert: '/c',
    tlsKey: '/k',
    tlsClientCa: '/ca',
    dataDir: '/data',
    historyRuns: 5,
    historyAgeMs: 7 * 86_400_000,
    dataMaxBytes: 67_108_864,
    secretVariables: [],
  });
});

test('every variable arrives, and each has a flag of its name', () => {
  expect(Object.keys(OPTIONS).map(variableOf)).toContain('ORB_WORKER_DRY_RUN_OUTPUT_DIR');
  const env = {
    ORB_WORKER_HOST: '::1',
    ORB_WORKER_PORT: '0',
    ORB_WORKER_DIODE_TARGET: 'grpc://d',
    ORB_WORKER_DIODE_CLIENT_ID: 'i',
    ORB_WORKER_DIODE_CLIENT_SECRET: 's',
    ORB_WORKER_DIODE_APP_NAME_PREFIX: 'p',
    ORB_WORKER_DRY_RUN: 'Yes',
    ORB_WORKER_DRY_RUN_OUTPUT_DIR: '/o',
    ORB_WORKER_OTEL_ENDPOINT: 'o:1',
    ORB_WORKER_OTEL_EXPORT_PERIOD: '5',
    ORB_WORKER_DEBUG: 'off',
    ORB_WORKER_LOG_LEVEL: 'warn',
    ORB_WORKER_LOG_FORMAT: 'json',
    ORB_WORKER_BUNDLES_ROOT: '/bundles',
    ORB_WORKER_BACKENDS_DIR: '/a::/b',
    ORB_WORKER_CONCURRENCY: '7',
    ORB_WORKER_RUN_TIMEOUT: '90',
    ORB_WORKER_STOP_TIMEOUT: '3s',
    ORB_WORKER_BACKEND_MEMORY: '64',
    ORB_WORKER_ALLOW_ENV: 'SNMP_*:X',
    ORB_WORKER_API_TOKEN: 'file:/t',
    ORB_WORKER_API_READ_TOKEN: 'three',
    ORB_WORKER_TLS_CERT: '/c',
    ORB_WORKER_TLS_KEY: '/k',
    ORB_WORKER_TLS_CLIENT_CA: '/ca',
    ORB_WORKER_DATA_DIR: '/data',
    ORB_WORKER_HISTORY_RUNS: '5',
    ORB_WORKER_HISTORY_AGE: '168h',
    ORB_WORKER_DATA_MAX_BYTES: '67108864',
  };
  expect(Object.keys(env).toSorted()).toEqual(Object.keys(OPTIONS).map(variableOf).toSorted());
  expect(optionsOf([], env)).toEqual({
    host: '::1',
    port: 0,
    diodeTarget: 'grpc://d',
    diodeClientId: 'i',
    diodeClientSecret: 's',
    diodeAppNamePrefix: 'p',
    dryRun: true,
    dryRunOutputDir: '/o',
    otelEndpoint: 'o:1',
    otelExportPeriodSeconds: 5,
    logLevel: 'warn',
    logFormat: 'json',
    bundlesRoot: '/bundles',
    backendsDirs: ['/a', '/b'],
    concurrency: 7,
    runTimeoutMs: 90_000,
    stopTimeoutMs: 3_000,
    backendMemoryMiB: 64,
    allowEnv: ['SNMP_*', 'X'],
    apiTokens: [{ kind: 'file', path: '/t' }],
    apiReadTokens: [{ kind: 'text', token: 'three' }],
    tlsCert: '/c',
    tlsKey: '/k',
    tlsClientCa: '/ca',
    dataDir: '/data',
    historyRuns: 5,
    historyAgeMs: 7 * 86_400_000,
    dataMaxBytes: 67_108_864,
    secretVariables: [],
  });
});

describe('options that cannot be used', () => {
  test.each([
    [['-d', '-p', '65536'], "argument -p/--port: invalid int value: '65536' (must be from 0 to 65535)"],
    [['-d', '-p', '-1'], "argument -p/--port: invalid int value: '-1' (must be from 0 to 65535)"],
    [['-d', '--concurrency', '0'], "argument --concurrency: invalid int value: '0' (must be at least 1)"],
    [
      ['-d', '--backend-memory', '1'],
      "argument --backend-memory: invalid int value: '1' (must be from 16 to 1048576)",
    ],
    [
      ['-d', '--history-runs', '4'],
      "argument --history-runs: invalid int value: '4' (must be from 5 to 1000000)",
    ],
    [
      ['-d', '--history-age', '0'],
      "argument --history-age: invalid duration value: '0' (must be at least 1ms)",
    ],
    [
      ['-d', '--data-max-bytes', '1000'],
      "argument --data-max-bytes: invalid int value: '1000' (must be at least 67108864)",
    ],
    [
      ['-d', '--run-timeout', '0'],
      "argument --run-timeout: invalid duration value: '0' (must be at least 1ms)",
    ],
    [
      ['-d', '--run-timeout', 'soon'],
      "argument --run-timeout: invalid duration value: 'soon' (such as 90s, 5m or 1h30m)",
    ],
    [
      ['-d', '--stop-timeout', '-1'],
      "argument --stop-timeout: invalid duration value: '-1' (such as 90s, 5m or 1h30m)",
    ],
    [
      ['-d', '--log-format', 'xml'],
      "argument --log-format: invalid choice: 'xml' (choose from 'auto', 'pretty', 'text', 'json')",
    ],
    [['-t', 'x', '-c', 'id'], '--diode-client-secret required with --diode-client-id'],
    [['-d', '-c', 'id'], '--diode-client-secret required with --diode-client-id'],
    [['-t', 'x', '-k', 'secret'], '--diode-client-id required with --diode-client-secret'],
    [
      ['-t', 'x', '-c', 'id', '-k', '${UNSET}', '-k', ''],
      '--diode-client-secret required with --diode-client-id',
    ],
  ])('%j', (argv, message) => {
    expect(outcomeOf(argv)).toBe(message);
  });
});

test('any environment comes to good options or one sentence', () => {
  const name = fc.constantFrom(...Object.keys(OPTIONS).map(variableOf));
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'true',
      '0',
      '5m',
      'json',
      'tcp://x',
      '${A}',
      ':',
      '1',
      '-1',
      'grpc://d',
      '1e3',
      'Infinity',
    ),
  );
  fc.assert(
    fc.property(fc.dictionary(name, value), (env) => {
      const outcome = outcomeOf(['-d'], env);
      if (typeof outcome === 'string')
        expect(outcome).toMatch(/^variable ORB_WORKER_|^--diode-client-|^--tls-/);
      else expect(outcome.kind).toBe('daemon');
    }),
    { numRuns: 500 },
  );
});
