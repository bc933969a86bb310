// Fuzzes one target in a thread of its own, so that what hangs can be ended.
import { parentPort, workerData } from 'node:worker_threads';
import { LastInput } from './support/last-input.ts';
import { runTarget } from './support/run-target.ts';
import { targetCalled } from './targets.ts';

export interface WorkerTask {
  readonly name: string;
  readonly timeMs: number;
  readonly memory: SharedArrayBuffer;
}

const { name, timeMs, memory }: WorkerTask = workerData;
const lastInput = new LastInput(memory);
const result = await runTarget(await targetCalled(name), timeMs, (input) => lastInput.begin(input));
parentPort?.postMessage(result);
