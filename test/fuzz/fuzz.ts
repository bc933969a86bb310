// Tries hostile input on everything that takes input: npm run fuzz -- [--seconds N] [--seed N] [TARGET ...]
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { endTogether } from '../support/end-together.ts';
import { keepFinding } from './support/corpus.ts';
import { LastInput } from './support/last-input.ts';
import type { FuzzResult } from './support/run-target.ts';
import { targetCalled, targetNames } from './targets.ts';
import type { WorkerTask } from './worker.ts';

/** Longer than any input may take, and a target to open, on a busy machine. */
const HANGS_AFTER_MS = 60_000;

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const wanted = positionals.length > 0 ? positionals : targetNames;
await Promise.all(wanted.map((name) => targetCalled(name)));
const timeMs = (Number(values.seconds) * 1_000) / wanted.length;
if (!(timeMs > 0)) throw new Error('--seconds is a number above 0');
const seed = values.seed === undefined ? undefined : Number(values.seed);

endTogether();
for (const name of wanted) {
  const { inputs, longestMs, grownMiB, finding } = await fuzz(name);
  const figures = `${inputs} inputs, the longest ${longestMs.toFixed(0)} ms, heap ${grownMiB.toFixed(1)} MiB more`;
  console.log(`${name.padEnd(16)} ${figures}`);
  if (finding === undefined) continue;
  const file = finding.input.length > 0 ? keepFinding(name, finding.input) : 'no single input';
  console.log(`  FOUND: ${file}\n  ${finding.reason}`);
  process.exitCode = 1;
}

async function fuzz(name: string): Promise<FuzzResult> {
  const lastInput = new LastInput();
  const task: WorkerTask = { name, timeMs, seed, memory: lastInput.memory };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: task });
  const { promise, resolve } = Promise.withResolvers<FuzzResult>();
  worker.once('message', resolve);
  worker.once('error', (error) => resolve(brokenOff(lastInput, error.stack ?? error.message)));
  worker.once('exit', (status) => resolve(brokenOff(lastInput, `the thread ended with status ${status}`)));
  let seen = -1;
  const watch = setInterval(() => {
    if (lastInput.count === seen) resolve(brokenOff(lastInput, `no end within ${HANGS_AFTER_MS / 1_000} s`));
    seen = lastInput.count;
  }, HANGS_AFTER_MS);
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

/** The input that was begun last is the one to look at. */
function brokenOff({ count, bytes }: LastInput, reason: string): FuzzResult {
  return { inputs: count, longestMs: 0, grownMiB: 0, finding: { input: bytes, reason } };
}
