import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from './clock.ts';
import type { EventName, Events } from './events.ts';

/** What comes of documents that were read, which takes by far the most room for its time. */
const CHANGES = [
  'policy:applied',
  'policy:replaced',
  'policy:deleted',
] as const satisfies readonly EventName[];

/** A burst of changes is over when nothing has changed for so long. */
const REST_MS = 1_500;
/** A young generation that is no larger is worth no look. */
const SMALL_YOUNG_BYTES = 8 * 2 ** 20;

/**
 * Gives memory back that a burst of changes has left. V8 lets its young generation grow to 128 MiB, and keeps it, and
 * all that has become garbage in the old one, until it looks at the young one the next time and finds that little is
 * made, or has not looked for 100 s. Here it looks sooner. Returns the function that ends it.
 *
 * @param lookForGarbage does that.
 */
export function giveBackAtRest(clock: Clock, events: Events, lookForGarbage = lookAtYoung): () => void {
  let timer: Timer | undefined;
  let changedAt = 0;
  const rest = (): void => {
    const leftMs = changedAt + REST_MS - clock.monotonic();
    timer = leftMs > 0 ? clock.after(leftMs, rest) : undefined;
    if (leftMs <= 0) lookForGarbage();
  };
  const changed = (): void => {
    changedAt = clock.monotonic();
    timer ??= clock.after(REST_MS, rest);
  };
  const silences = CHANGES.map((name) => events.on(name, changed));
  return () => {
    for (const silence of silences) silence();
    timer?.cancel();
  };
}

/**
 * What V8 does several times a second while it is busy, and as short: only what is alive in the young generation takes
 * time. V8 itself then goes through the old one, in small steps, and returns what is free to the system.
 */
function lookAtYoung(): void {
  if (youngBytes() <= SMALL_YOUNG_BYTES) return;
  // Contexts that are made under this flag, and no others, have the function.
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc({ type: 'minor' });
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
