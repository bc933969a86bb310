import { expect, test } from 'vitest';
import { Places } from '../../src/run/places.ts';

function placesOf(limit: number): { places: Places<string>; entered: string[] } {
  const entered: string[] = [];
  return { places: new Places<string>(limit, (guest) => entered.push(guest)), entered };
}

test('who comes when all places are taken waits, first come, first served', () => {
  const { places, entered } = placesOf(2);
  for (const guest of ['a', 'b', 'c', 'd']) places.take(guest);
  expect(entered).toEqual(['a', 'b']);
  places.leave('b');
  expect(entered).toEqual(['a', 'b', 'c']);
  places.leave('a');
  expect(entered).toEqual(['a', 'b', 'c', 'd']);
});

test('who gives up waiting is passed over, and frees no place', () => {
  const { places, entered } = placesOf(1);
  for (const guest of ['first', 'gives up', 'last']) places.take(guest);
  places.leave('gives up');
  expect(entered).toEqual(['first']);
  places.leave('first');
  expect(entered).toEqual(['first', 'last']);
});

test('a place that nobody waits for is free again', () => {
  const { places, entered } = placesOf(1);
  places.take('one');
  places.leave('one');
  places.take('two');
  places.take('three');
  expect(entered).toEqual(['one', 'two']);
});

test('without a limit nobody waits', () => {
  const { places, entered } = placesOf(Number.POSITIVE_INFINITY);
  for (let index = 0; index < 1_000; index++) places.take(`${index}`);
  expect(entered).toHaveLength(1_000);
});
