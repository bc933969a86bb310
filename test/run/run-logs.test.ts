import { describe, expect, test } from 'vitest';
import type { RunLine } from '../../src/run/contract.ts';
import { RunLogs } from '../../src/run/run-logs.ts';

const line = (message: string): RunLine => ({ at: 0, level: 'info', message });

/** A run whose log is as long as it may be. */
function fill(logs: RunLogs, runId: string): void {
  for (let index = 0; index < 1_000; index++) logs.add(runId, line('x'.repeat(64)));
}

const kept = (logs: RunLogs, runId: string): [number, number] => {
  const { lines, dropped } = logs.of(runId);
  return [lines.length, dropped];
};

describe('the lines of a run', () => {
  test('are kept in their order', () => {
    const logs = new RunLogs();
    for (const message of ['a', 'b', 'a']) logs.add('run', line(message));
    expect(logs.of('run').lines.map(({ message }) => message)).toEqual(['a', 'b', 'a']);
    expect(logs.of('other')).toEqual({ lines: [], dropped: 0 });
  });

  test('make room for later ones, a thousand short ones or 64 KiB of long ones', () => {
    const logs = new RunLogs();
    for (let index = 0; index < 1_500; index++) logs.add('short', line(`${index}`));
    expect(kept(logs, 'short')).toEqual([1_000, 500]);
    expect(logs.of('short').lines.at(-1)?.message).toBe('1499');
    for (let index = 0; index < 20; index++) logs.add('long', line('x'.repeat(8_192)));
    expect(kept(logs, 'long')).toEqual([8, 12]);
    for (let index = 0; index < 20; index++) logs.add('wide', line('☃'.repeat(8_192)));
    expect(kept(logs, 'wide')).toEqual([2, 18]);
  });

  test('make room for those of other runs, those written to longest ago first', () => {
    const logs = new RunLogs();
    for (let run = 0; run < 110; run++) {
      fill(logs, `run ${run}`);
      logs.add('busy', line('still here'));
    }
    expect(kept(logs, 'run 0')).toEqual([0, 1_000]);
    expect(kept(logs, 'run 109')).toEqual([1_000, 0]);
    expect(kept(logs, 'busy')).toEqual([110, 0]);
    logs.add('run 0', line('back again'));
    expect(kept(logs, 'run 0')).toEqual([1, 1_000]);
  });

  test('go with their run, and make room', () => {
    const logs = new RunLogs();
    for (let run = 0; run < 1_000; run++) {
      fill(logs, `run ${run}`);
      logs.forget(`run ${run}`);
      expect(logs.of(`run ${run}`)).toEqual({ lines: [], dropped: 0 });
    }
    fill(logs, 'last');
    expect(kept(logs, 'last')).toEqual([1_000, 0]);
  });
});
