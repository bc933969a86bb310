import { settlesWithin, systemClock } from '../../clock.ts';

/** Who takes entities, one after another. */
export interface Taker {
  /** It takes no more. */
  readonly isAborted: boolean;
  /** Ends the iteration while it waits for the next entity; set as long as there is one. */
  stopIterating: (() => void) | undefined;
  /** Returns what to wait for before the next one is asked for, usually nothing. Throws for what is no entity. */
  take(entity: unknown): Promise<void> | undefined;
}

/** True for what {@link takeAll} can take. */
export function isIterable(entities: unknown): entities is Iterable<unknown> | AsyncIterable<unknown> {
  return isIterableBy(entities, Symbol.asyncIterator) || isIterableBy(entities, Symbol.iterator);
}

/** What an iterator may do before its end is no longer waited for: what went wrong is to be known some time. */
const END_WITHIN_MS = 10_000;

/**
 * Gives all entities to the taker; rejects with what the iterable or the taker throws.
 *
 * @param endWithinMs how long an iterator may take to clean up that was not taken to its end.
 */
export async function takeAll(
  entities: Iterable<unknown> | AsyncIterable<unknown>,
  taker: Taker,
  endWithinMs = END_WITHIN_MS,
): Promise<void> {
  if (isIterableBy(entities, Symbol.asyncIterator)) await takeAsync(entities, taker, endWithinMs);
  else if (isIterableBy(entities, Symbol.iterator)) await takeSync(entities, taker);
}

async function takeAsync(entities: AsyncIterable<unknown>, taker: Taker, endWithinMs: number): Promise<void> {
  const iterator = entities[Symbol.asyncIterator]();
  let ending: Promise<unknown> | undefined;
  const stop = (): void => {
    ending ??= endIteration(iterator);
  };
  taker.stopIterating = stop;
  let isDone = false;
  try {
    while (!isDone && !taker.isAborted) {
      const { done, value } = await iterator.next();
      isDone = done === true;
      const wait = isDone ? undefined : taker.take(value);
      if (wait !== undefined) await wait;
    }
  } finally {
    taker.stopIterating = undefined;
    if (!isDone) stop();
    if (ending !== undefined) await settlesWithin(systemClock, endWithinMs, ending);
  }
}

async function takeSync(entities: Iterable<unknown>, taker: Taker): Promise<void> {
  for (const entity of entities) {
    if (taker.isAborted) return;
    const wait = taker.take(entity);
    if (wait !== undefined) await wait;
  }
}

/** Lets an iterator clean up; what goes wrong in that changes nothing any more. */
async function endIteration(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Whoever iterated has what it wanted.
  }
}

function isIterableBy<Key extends symbol>(value: unknown, key: Key): value is { [K in Key]: () => never } {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, key) === 'function';
}

/** What was given in the place of entities, in words. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  return typeof value === 'object' ? 'an object that is not iterable' : `a ${typeof value}`;
}
