import { describe, expect, test } from 'vitest';
import { type Taker, takeAll } from '../../src/backend/isolate/take-all.ts';

const never = new Promise<never>(() => undefined);

/** Takes numbers alone. */
function takerOfNumbers(): Taker & { readonly taken: unknown[] } {
  const taken: unknown[] = [];
  return {
    taken,
    isAborted: false,
    stopIterating: undefined,
    take(entity) {
      if (typeof entity !== 'number') throw new TypeError('that is no number');
      taken.push(entity);
      return undefined;
    },
  };
}

describe('taking all entities', () => {
  test('says what was wrong with one although the generator never ends its cleaning up', async () => {
    async function* stubborn(): AsyncGenerator {
      try {
        yield 1;
        yield 'rubbish';
      } finally {
        await never;
      }
    }
    const taker = takerOfNumbers();
    await expect(takeAll(stubborn(), taker, 1)).rejects.toThrow('that is no number');
    expect(taker.taken).toEqual([1]);
  });

  test('waits for a generator that cleans up', async () => {
    let isClean = false;
    async function* tidy(): AsyncGenerator {
      try {
        yield 'rubbish';
      } finally {
        await new Promise((resolve) => setTimeout(resolve, 20));
        isClean = true;
      }
    }
    await expect(takeAll(tidy(), takerOfNumbers())).rejects.toThrow('that is no number');
    expect(isClean).toBe(true);
  });

  test('asks nothing more of an iterator that has come to its end', async () => {
    const entities = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: true, value: undefined }),
        return: () => never,
      }),
    };
    await takeAll(entities, takerOfNumbers());
  });
});
