import { batchFrameHead, controlFrame } from '../../../src/backend/frames.ts';

const messages = [
  { type: 'entered', runs: [1] },
  { type: 'returned', runs: [1] },
  { type: 'failed', run: 1, reason: 'no' },
  { type: 'turned', runs: 1 },
  { type: 'offer', run: 1, bytes: 100 },
  { type: 'progress', run: 1, done: 1, total: null },
  { type: 'log', run: 1, level: 'info', message: 'hello' },
  { type: 'loaded', id: 1 },
  { type: 'leaving', run: null },
  { type: 'ingest', run: 1, id: 1 },
  { type: 'failure', run: 1, reason: 'no' },
  { type: 'up', life: 1 },
  { type: 'down', life: 1, reason: null },
];

/** Frames and pieces of frames. */
export const frameWords: readonly string[] = [
  ...messages.map((message) => controlFrame(JSON.stringify(message)).toString()),
  batchFrameHead(1, 1, 4).toString(),
  '\0\0\0\0\0',
  '\0\0\0\u0002\0{}',
  '\0\0\0\u0001\u0001',
  '{"type":"',
  '"run":',
  '"runs":[',
  '4294967295',
];
