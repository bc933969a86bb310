import { describe, expect, test } from 'vitest';
import { readOne, rowsOf } from './read.ts';

const withRun = (run: string): string => `policies: {p: {config: {package: x}, scope: 1, run: ${run}}}`;

describe("a policy's run", () => {
  test.each(['null', '{}', '{timezone: null, timeout: null, overlap: null, misfire: null, retries: null}'])(
    '%s leaves the defaults',
    (run) => {
      expect(readOne(withRun(run)).settings).toEqual({
        timezone: 'Europe/Berlin',
        timeoutMs: undefined,
        overlap: 'skip',
        misfire: { mode: 'run_once', windowMs: 3_600_000 },
        retry: { times: 0, backoffMs: 10_000 },
      });
    },
  );

  test('says zone, timeout and overlap', () => {
    expect(
      readOne(withRun('{timezone: Asia/Tokyo, timeout: 1h30m, overlap: queue_one}')).settings,
    ).toMatchObject({
      timezone: 'Asia/Tokyo',
      timeoutMs: 5_400_000,
      overlap: 'queue_one',
    });
  });

  test('says what becomes of a moment that was missed, and of a run that failed for a passing reason', () => {
    const run = '{misfire: skip, misfire_window: 10m, retries: 3, retry_backoff: 1m30s}';
    expect(readOne(withRun(run)).settings).toMatchObject({
      misfire: { mode: 'skip', windowMs: 600_000 },
      retry: { times: 3, backoffMs: 90_000 },
    });
    expect(readOne(withRun('{misfire_window: 60, retries: 1}')).settings).toMatchObject({
      misfire: { mode: 'run_once', windowMs: 60_000 },
      retry: { times: 1, backoffMs: 10_000 },
    });
  });

  test.each([
    ['{misfire: never}', '.misfire', 'literal_error', "Input should be 'run_once' or 'skip'"],
    ['{misfire_window: 0}', '.misfire_window', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{retry_backoff: soon}', '.retry_backoff', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{retries: -1}', '.retries', 'value_error', 'Value error, Not a whole number from 0 to 100.'],
    ['{retries: 1.5}', '.retries', 'value_error', 'Value error, Not a whole number from 0 to 100.'],
    ['{retries: 101}', '.retries', 'value_error', 'Value error, Not a whole number from 0 to 100.'],
    ['{retries: yes}', '.retries', 'value_error', 'Value error, Not a whole number from 0 to 100.'],
    [
      '{retry: 1}',
      '.retry',
      'extra_forbidden',
      /^Extra inputs are not permitted: a policy's run has timezone/,
    ],
    ['{retrys: 1}', '.retrys', 'extra_forbidden', /^Extra inputs are not permitted/],
    ['[]', '', 'model_type', 'Input should be a valid dictionary or instance of Run'],
    ['x', '', 'model_type', 'Input should be a valid dictionary or instance of Run'],
    ['{timezone: 5}', '.timezone', 'string_type', 'Input should be a valid string'],
    ['{timezone: Mars/Base}', '.timezone', 'value_error', /^Value error, No such time zone/],
    ['{timezone: "+02:00"}', '.timezone', 'value_error', /^Value error, No such time zone/],
    ['{timezone: ""}', '.timezone', 'value_error', /^Value error, No such time zone/],
    ['{timeout: soon}', '.timeout', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{timeout: 0}', '.timeout', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{timeout: -1}', '.timeout', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{timeout: yes}', '.timeout', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{timeout: [5m]}', '.timeout', 'value_error', /^Value error, Not a duration longer than 0/],
    ['{overlap: maybe}', '.overlap', 'literal_error', "Input should be 'skip', 'queue_one' or 'allow'"],
    ['{overlap: 1}', '.overlap', 'literal_error', "Input should be 'skip', 'queue_one' or 'allow'"],
    [
      '{timeuot: 5m}',
      '.timeuot',
      'extra_forbidden',
      "Extra inputs are not permitted: did you mean 'timeout'?",
    ],
    [
      '{Overlap: skip}',
      '.Overlap',
      'extra_forbidden',
      "Extra inputs are not permitted: did you mean 'overlap'?",
    ],
    [
      '{every: 5m}',
      '.every',
      'extra_forbidden',
      "Extra inputs are not permitted: a policy's run has timezone, timeout, overlap, misfire, misfire_window, retries, retry_backoff",
    ],
  ])('%s is a row', (run, field, type, error) => {
    const rows = rowsOf(withRun(run));
    expect(rows).toHaveLength(1);
    expect(rows[0]?.slice(0, 2)).toEqual([`policies.p.run${field}`, type]);
    expect(rows[0]?.[2]).toEqual(typeof error === 'string' ? error : expect.stringMatching(error));
  });

  test.each(['UTC', 'US/Pacific', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires'])(
    'zone %s is known',
    (zone) => {
      expect(readOne(withRun(`{timezone: ${zone}}`)).settings.timezone).toBe(zone);
    },
  );
});
