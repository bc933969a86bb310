// Fuzzes one target in a thread of its own, so that what hangs can be ended.
import { parentPort, workerData } from 'node:worker_threads';
import { LastInput } from './support/last-input.ts';
import { runTarget } from './support/run-target.ts';
import { targetCalled } from './targets.ts';

export interface WorkerTask {
  readonly name: string;
  readonly timeMs: number;
  /** The same inputs in the same order every time; undefined: others every time. */
  readonly seed: number | undefined;
  readonly memory: SharedArrayBuffer;
}

const { name, timeMs, seed, memory }: WorkerTask = workerData;
const lastInput = new LastInput(memory);
const result = await runTarget(await targetCalled(name), { timeMs, seed }, (input) => lastInput.begin(input));
parentPort?.postMessage(result);
