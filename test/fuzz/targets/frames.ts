import { FrameError, FrameReader } from '../../../src/backend/frames.ts';
import { readMessage } from '../../../src/backend/read-message.ts';
import { frameWords } from '../support/frame-words.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

const LIMIT = 2 ** 16;
/** How the bytes are cut on their way. */
const CUTS = [1, 3, 64, 2 ** 16];

/** What a child writes on its channel. */
export const target: FuzzTarget = {
  name: 'frames',
  limitMs: 2_000,
  words: frameWords,
  open: async () => pureTrial(tryBytes),
};

function tryBytes(input: Buffer): void {
  const readings = CUTS.map((cut) => read(input, cut));
  if (new Set(readings).size > 1)
    throw new Error(`it depends on how the bytes are cut: ${readings.join(' | ')}`);
}

/** What the frames are, as text. */
function read(input: Buffer, cut: number): string {
  const seen: string[] = [];
  const reader = new FrameReader({
    limitOf: (kind) => (kind === 'work' ? -1 : LIMIT),
    onFrame(kind, body) {
      if (body.length > LIMIT) throw new Error(`a ${kind} frame of ${body.length} bytes was let in`);
      seen.push(`${kind} ${body.length} ${kind === 'control' ? readMessage(body).type : ''}`);
    },
  });
  const refusal = refusalOf(() => {
    for (let at = 0; at < input.length; at += cut) reader.push(input.subarray(at, at + cut));
  }, FrameError);
  return [...seen, refusal?.message].join('; ');
}
