import v8 from 'node:v8';

/** Tells V8 how to keep house in a process that documents and batches pass through. Call it before they do. */
export function tuneHeap(): void {
  // Documents that are applied leave much behind: V8 would let its heap grow to a multiple of what lives in it.
  v8.setFlagsFromString('--heap-growing-percent=30');
  // Batches pass through buffers outside of that heap: V8 would look through all of it after every few of them. Node 22
  // knows no such flag, and would say so.
  if (Number.parseInt(process.versions.node, 10) >= 24) {
    v8.setFlagsFromString('--external-memory-accounted-in-global-limit');
  }
}
