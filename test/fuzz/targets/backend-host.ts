import path from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { Rig, startRun } from '../../backend/rig.ts';
import { frameWords } from '../support/frame-words.ts';
import type { FuzzTarget } from '../support/target.ts';

const backends = path.join(import.meta.dirname, '..', 'backends');
const SILENT_AFTER_MS = 500;
const INNOCENT_AFTER_MS = 25_000;
/** One that is left, one that is about to go, and the spare. */
const MOST_CHILDREN = 4;

/** A real host whose child says anything on its channel: that run ends, and the next one works. */
export const target: FuzzTarget = {
  name: 'backend-host',
  waits: true,
  limitMs: 30_000,
  words: frameWords,
  async open() {
    const rig = new Rig({ backendsDirs: [backends] });
    const lease = await rig.host.open('frames');
    const run = async (bytes: Buffer, giveUpAfterMs: number): Promise<string> => {
      const { execution, outcome } = startRun(lease, bytes.toString('base64'));
      // A frame that was begun and never ends swallows whatever the child says after it.
      const giveUp = systemClock.after(giveUpAfterMs, () => execution.cancel(0));
      const { kind } = await outcome;
      giveUp.cancel();
      return kind;
    };
    return {
      async try(input) {
        await run(input, SILENT_AFTER_MS);
        const innocent = await run(Buffer.alloc(0), INNOCENT_AFTER_MS);
        if (innocent !== 'returned') throw new Error(`the run after it ${innocent}`);
        const children = rig.host.children().length;
        if (children > MOST_CHILDREN) throw new Error(`${children} children`);
        rig.lines.length = 0;
      },
      async [Symbol.asyncDispose]() {
        lease.close();
        await rig[Symbol.asyncDispose]();
      },
    };
  },
};
