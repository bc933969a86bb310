import { expect, test } from 'vitest';
import { Places } from '../../src/run/places.ts';

test('who comes when all places are taken waits, first come, first served', () => {
  const places = new Places(2);
  const entered: string[] = [];
  const leave = new Map<string, () => void>();
  for (const name of ['a', 'b', 'c', 'd']) {
    leave.set(
      name,
      places.take(() => entered.push(name)),
    );
  }
  expect(entered).toEqual(['a', 'b']);
  leave.get('b')?.();
  expect(entered).toEqual(['a', 'b', 'c']);
  leave.get('a')?.();
  expect(entered).toEqual(['a', 'b', 'c', 'd']);
});

test('who gives up waiting is passed over', () => {
  const places = new Places(1);
  const entered: string[] = [];
  const leaveFirst = places.take(() => entered.push('first'));
  const giveUp = places.take(() => entered.push('gave up'));
  places.take(() => entered.push('last'));
  giveUp();
  leaveFirst();
  expect(entered).toEqual(['first', 'last']);
});

test('a place that is given back twice is one place', () => {
  const places = new Places(1);
  const leave = places.take(() => {});
  leave();
  leave();
  const entered: string[] = [];
  places.take(() => entered.push('one'));
  places.take(() => entered.push('two'));
  expect(entered).toEqual(['one']);
});

test('without a limit nobody waits', () => {
  const places = new Places(Number.POSITIVE_INFINITY);
  let entered = 0;
  for (let index = 0; index < 1_000; index++) places.take(() => entered++);
  expect(entered).toBe(1_000);
});
