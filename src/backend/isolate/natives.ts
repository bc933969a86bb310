/*
 * What the isolate itself works with, taken before a package can put its own in its place: one that did stays able to
 * say that its run is over, and the others in its process go on.
 */

export const { clearTimeout, setImmediate, setTimeout } = globalThis;
export const NativePromise = Promise;

const clock = performance;
const read = clock.now;

/** Milliseconds of a clock that never goes back. */
export function now(): number {
  return read.call(clock);
}
