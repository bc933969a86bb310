import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sizeInStatus } from '../src/proc-status.ts';

test('the sizes of a process are read as the kernel tells them', () => {
  const text = readFileSync('/proc/self/status', 'latin1');
  const [resident = 0, most = 0] = ['VmRSS', 'VmHWM'].map((field) => sizeInStatus(text, field));
  expect(resident * 1_024).toBeGreaterThan(10_000_000);
  expect(most).toBeGreaterThanOrEqual(resident);
});

test.each(['', 'VmRSS', '\nVmRSS:', '\nVmRSS:\tmany kB', 'Name:\tVmRSS: 5 kB\n', '\nXVmRSS:\t5 kB'])(
  'nothing is made of %j',
  (text) => {
    expect(sizeInStatus(text, 'VmRSS')).toBeUndefined();
  },
);
