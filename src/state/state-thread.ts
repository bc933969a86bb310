import { Worker } from 'node:worker_threads';
import { StartError, UnavailableError } from '../errors.ts';
import {
  type Answer,
  CALL_KINDS,
  type Call,
  type CallName,
  type Calls,
  type FromThread,
  type LineRow,
  type Meter,
  type Result,
  type RunRow,
  type ToThread,
} from './calls.ts';
import type { ThreadOptions } from './thread/serve.ts';

const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const threadFile = new URL(`./thread/main.${ending}`, import.meta.url);

/** The thread begins before a turn that notes very many is over. */
const MOST_RUNS_AT_ONCE = 1_000;

/** Rows pass through it and are gone: V8 would take 64 MB for them at the start, and give them back to nobody. */
const YOUNG_MB = 16;

interface Waiter {
  readonly name: CallName;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

interface ThreadListener {
  /** Where the thread stands now. */
  onMeter(meter: Meter): void;
  /** A fault of ours: a change was not made, and nobody waits for it. */
  onLost(message: string): void;
  /** A fault of ours: nothing is kept any more. */
  onEnd(reason: string): void;
}

/** The way to the state's thread: calls are posted in their order, those of one turn of the event loop together. */
export class StateThread {
  readonly #worker: Worker;
  readonly #listener: ThreadListener;
  readonly #waiters = new Map<number, Waiter>();
  readonly #ended = Promise.withResolvers<void>();
  #outbox: Call[] = [];
  #transfer: ArrayBuffer[] = [];
  /** What this turn's history is gathered in. */
  #runs: Map<string, RunRow> | undefined;
  #lines: LineRow[] = [];
  #historyIndex = 0;
  #isFlushDue = false;
  #lastNumber = 0;
  #isClosing = false;
  /** Why nothing is done any more. */
  #end: string | undefined;

  private constructor(worker: Worker, listener: ThreadListener) {
    this.#worker = worker;
    this.#listener = listener;
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (error) => this.#die(`the thread that keeps state failed: ${error.message}`));
    worker.on('exit', () => this.#die('the daemon has stopped keeping state'));
  }

  /** Rejects with a {@link StartError} when the directory cannot be had. */
  static async start(options: ThreadOptions, listener: ThreadListener): Promise<StateThread> {
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
    const worker = new Worker(threadFile, {
      workerData: options,
      name: 'state',
      stdin: false,
      resourceLimits,
    });
    const first = await firstMessageOf(worker);
    if (first.kind === 'refused') {
      await worker.terminate();
      throw new StartError(1, first.message);
    }
    listener.onMeter(first.meter);
    return new StateThread(worker, listener);
  }

  /**
   * Rejects with `UnavailableError` when it could not be done now.
   * @param transfer buffers in the parameters that may go over without being copied.
   */
  call<Name extends CallName>(
    name: Name,
    parameters: Parameters<Calls[Name]>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result<Name>> {
    if (this.#end !== undefined) return Promise.reject(new UnavailableError(this.#end));
    const number = ++this.#lastNumber;
    const { promise, resolve, reject } = Promise.withResolvers<Result<Name>>();
    this.#waiters.set(number, { name, resolve, reject });
    this.#post({ number, name, parameters } satisfies Call<Name> as Call, transfer);
    return promise;
  }

  /** The latest state of a run counts; it goes before everything that is called from now on. */
  noteRun(id: string, row: RunRow): void {
    const runs = this.#history()?.set(id, row);
    if (runs && runs.size >= MOST_RUNS_AT_ONCE) this.#flush();
  }

  noteLine(row: LineRow): void {
    if (this.#history()) this.#lines.push(row);
  }

  /** Does what was posted, then ends. */
  async close(): Promise<void> {
    this.#flush();
    this.#isClosing = true;
    if (this.#end === undefined) this.#worker.postMessage('close' satisfies ToThread);
    await this.#ended.promise;
  }

  #history(): Map<string, RunRow> | undefined {
    if (this.#runs || this.#end !== undefined) return this.#runs;
    this.#schedule();
    this.#runs = new Map();
    this.#historyIndex = this.#outbox.length;
    return this.#runs;
  }

  #post(call: Call, transfer: readonly ArrayBuffer[]): void {
    this.#schedule();
    this.#outbox.push(call);
    this.#transfer.push(...transfer);
  }

  #schedule(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const calls = this.#outbox;
    if (this.#runs) {
      const parameters: Parameters<Calls['history.write']> = [[...this.#runs.values()], this.#lines];
      calls.splice(this.#historyIndex, 0, { number: 0, name: 'history.write', parameters });
    }
    if (calls.length > 0 && this.#end === undefined) this.#worker.postMessage(calls, this.#transfer);
    this.#outbox = [];
    this.#transfer = [];
    this.#runs = undefined;
    this.#lines = [];
    this.#isFlushDue = false;
  }

  #receive(message: FromThread): void {
    if (message.kind !== 'reply') return;
    this.#listener.onMeter(message.meter);
    for (const answer of message.answers) this.#settle(answer);
  }

  #settle(answer: Answer): void {
    const waiter = this.#waiters.get(answer.number);
    this.#waiters.delete(answer.number);
    if (answer.kind === 'done') waiter?.resolve(answer.value as never);
    else if (waiter) waiter.reject(failureOf(waiter.name, answer));
    else this.#listener.onLost(answer.message);
  }

  #die(reason: string): void {
    if (this.#end === undefined && !this.#isClosing) this.#listener.onEnd(reason);
    this.#end ??= reason;
    for (const { reject } of this.#waiters.values()) reject(new UnavailableError(this.#end));
    this.#waiters.clear();
    this.#ended.resolve();
  }
}

function failureOf(name: CallName, { kind, message }: Exclude<Answer, { kind: 'done' }>): Error {
  if (kind === 'failed') return new Error(`${name} failed: ${message}`);
  const what = CALL_KINDS[name] === 'read' ? 'read what is kept' : 'keep this';
  return new UnavailableError(`cannot ${what} now: ${message}`);
}

function firstMessageOf(worker: Worker): Promise<FromThread> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
