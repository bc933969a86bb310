import { expect, test } from 'vitest';
import { UnavailableError } from '../src/errors.ts';
import { madeLate } from '../src/load-late.ts';

test('what is made is made once, for all who ask', async () => {
  let count = 0;
  const made = madeLate(async () => ++count);
  expect(count).toBe(0);
  expect(await Promise.all([made(), made()])).toEqual([1, 1]);
  expect(await made()).toBe(1);
});

test('what could not be made is tried again', async () => {
  const errors = [new Error('broken'), Object.assign(new Error('open'), { code: 'EMFILE' })];
  const made = madeLate(async () => {
    const error = errors.shift();
    if (error) throw error;
    return 'there';
  });
  await expect(made()).rejects.toThrow('broken');
  await expect(made()).rejects.toThrow(new UnavailableError('no more files may be opened'));
  expect(await made()).toBe('there');
});

test('where Node does not try again, a restart is asked for', async () => {
  const remembered = Object.assign(new Error('open'), { code: 'EMFILE' });
  const made = madeLate(() => Promise.reject(remembered));
  await expect(made()).rejects.toThrow(new UnavailableError('no more files may be opened'));
  await expect(made()).rejects.toThrow(/this Node does not try again: restart it$/);
});
