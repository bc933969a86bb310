import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../clock.ts';
import type { LogLevel } from '../options.ts';
import { BATCH_HEADER, FrameError, MAX_BATCH_BYTES } from './frames.ts';
import type { Execution, ExecutionOutcome, RunRequest, RunUsage } from './host.ts';
import { IngestCount } from './ingest-count.ts';
import type { IngestExecution } from './ingest-execution.ts';
import { REPORT_RATE } from './messages.ts';
import type { ProcessUsage } from './process-usage.ts';
import { RateCheck } from './rate.ts';

/** What a run may ask of the child it was handed to. */
export interface RunPort {
  tell(type: 'abort' | 'grant' | 'refuse', run: number): void;
  /** Ends a run that does not stop, and with it, where it was entered, its child, whatever else runs there. */
  cutOff(execution: RunExecution): void;
  /** What its process uses; undefined where the system does not tell. */
  usage(): ProcessUsage | undefined;
  /** The run is over, whatever way. */
  forget(execution: RunExecution): void;
}

/** What a refused backend gets to end by itself before its child is ended. */
const AFTER_REFUSAL_MS = 200;

const BYTES_PER_KIB = 1_024;

/** One run on the daemon's side. What its child says about it is checked here: a lie throws a {@link FrameError}. */
export class RunExecution implements Execution {
  readonly request: RunRequest;
  readonly outcome: Promise<ExecutionOutcome>;
  readonly #clock: Clock;
  #number: number;
  #settle: (outcome: ExecutionOutcome) => void = () => undefined;
  #usage: RunUsage | undefined;
  #usedBefore: ProcessUsage | undefined;
  #isProcessShared = false;
  #state: 'waiting' | 'handed' | 'entered' | 'over' = 'waiting';
  #port: RunPort | undefined;
  #offered: number | undefined;
  #granted: number | undefined;
  #reports: RateCheck | undefined;
  #ingests: IngestCount | undefined;
  #wasGivenUp = false;
  #cutOffAt: number | undefined;
  #cutOffTimer: Timer | undefined;

  constructor(number: number, request: RunRequest, clock: Clock) {
    this.#number = number;
    this.request = request;
    this.#clock = clock;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** What it is called in the child that has it: another one in each. */
  get number(): number {
    return this.#number;
  }

  /** Of its process while it was in it; known once it is over. */
  get usage(): RunUsage | undefined {
    return this.#usage;
  }

  /** Another run is in its process. */
  shareProcess(): void {
    this.#isProcessShared = true;
  }

  get hasEntered(): boolean {
    return this.#state === 'entered';
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get isCancelled(): boolean {
    return this.#cutOffAt !== undefined;
  }

  /** Bytes that a batch frame of this run may have now; below 0: none is expected. */
  get allowance(): number {
    return this.#granted === undefined ? -1 : BATCH_HEADER + this.#granted;
  }

  handTo(port: RunPort): void {
    this.#port = port;
    this.#isProcessShared = false;
    this.#state = 'handed';
  }

  /**
   * Takes it back from a child that does not enter it. Returns whether another may have it: not when it was cancelled
   * meanwhile.
   *
   * @param number what the next child calls it: what this one still says of it is not about that.
   */
  withdraw(number: number): boolean {
    this.#port = undefined;
    this.#number = number;
    if (this.isCancelled) this.settle({ kind: 'cancelled', cutOff: true });
    if (this.#state === 'over') return false;
    this.#state = 'waiting';
    return true;
  }

  /**
   * A child had time enough to enter it: another may have it once. Returns whether it may.
   *
   * @param reason what it fails with when it may not.
   */
  giveUpOn(reason: string): boolean {
    if (this.#wasGivenUp) this.settle({ kind: 'failed', reason });
    this.#wasGivenUp = true;
    return this.#state !== 'over';
  }

  entered(): void {
    if (this.#state !== 'handed') throw new FrameError('a run was entered twice');
    this.#usedBefore = this.#port?.usage();
    this.begin();
  }

  /** It is under way. Called alone for what goes on beside the work of its process: what that uses is not its own. */
  protected begin(): void {
    this.#state = 'entered';
    this.#reports = new RateCheck(REPORT_RATE, this.#clock);
    this.request.handlers.entered();
  }

  progress(done: number, total: number | null): void {
    this.#countReport();
    this.request.handlers.progress(done, total ?? undefined);
  }

  log(level: LogLevel, message: string): void {
    this.#countReport();
    this.request.handlers.log(level, message);
  }

  recordFailure(reason: string): void {
    this.#countReport();
    this.request.handlers.recordFailure(reason);
  }

  /** Throws what the daemon refuses it with. */
  ingest(begin: (request: RunRequest) => IngestExecution): void {
    this.#mustHaveEntered();
    this.#ingests ??= new IngestCount(this.#clock);
    const ingests = this.#ingests;
    ingests.begin();
    this.request.handlers.ingest((request) => ingests.track(begin(request)));
  }

  offer(bytes: number): void {
    this.#mustHaveEntered();
    if (this.#offered !== undefined || bytes > MAX_BATCH_BYTES - BATCH_HEADER) {
      throw new FrameError('a batch was offered that cannot be');
    }
    this.#offered = bytes;
    this.request.handlers.reserve(bytes).then(
      () => this.#grant(bytes),
      () => this.#refuse(),
    );
  }

  batch(entityCount: number, bytes: Buffer): void {
    if (this.#granted !== bytes.length) throw new FrameError('a batch came that has no room');
    this.#offered = undefined;
    this.#granted = undefined;
    this.request.handlers.batch({ id: randomUUID(), run: this.request.identity, entityCount, bytes });
  }

  /** The child says that the run has ended. */
  ended(outcome: ExecutionOutcome): void {
    this.#mustHaveEntered();
    this.settle(outcome);
  }

  /** The first outcome stays. */
  settle(outcome: ExecutionOutcome): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#usage = this.#measure();
    this.#cutOffTimer?.cancel();
    this.#settle(outcome);
    this.#port?.forget(this);
  }

  #measure(): RunUsage | undefined {
    const before = this.#usedBefore;
    const used = before && this.#port?.usage();
    if (!used) return undefined;
    return {
      cpuMs: used.cpuMs - before.cpuMs,
      peakBytes: used.peakKiB * BYTES_PER_KIB,
      isShared: this.#isProcessShared,
    };
  }

  cancel(graceMs: number): void {
    if (this.#state === 'over') return;
    const isFirst = this.#cutOffAt === undefined;
    const at = this.#clock.monotonic() + graceMs;
    if (this.#cutOffAt !== undefined && this.#cutOffAt <= at) return;
    this.#cutOffAt = at;
    if (this.#port === undefined) {
      this.settle({ kind: 'cancelled', cutOff: false });
      return;
    }
    if (isFirst) this.#port.tell('abort', this.number);
    this.#cutOffAfter(graceMs);
  }

  #cutOffAfter(delayMs: number): void {
    this.#cutOffTimer?.cancel();
    this.#cutOffTimer = this.#clock.after(delayMs, () => this.#cutOff());
  }

  /** A run that only waits for room need not cost its neighbours their child. */
  #cutOff(): void {
    const waitsForRoom = this.#offered !== undefined && this.#granted === undefined;
    if (!waitsForRoom) {
      this.#port?.cutOff(this);
      return;
    }
    this.#refuse();
    this.#cutOffAfter(AFTER_REFUSAL_MS);
  }

  #grant(bytes: number): void {
    if (this.#state === 'over' || this.#offered === undefined) return;
    this.#granted = bytes;
    this.#port?.tell('grant', this.number);
  }

  #refuse(): void {
    if (this.#state === 'over' || this.#offered === undefined) return;
    this.#offered = undefined;
    this.#port?.tell('refuse', this.number);
  }

  #mustHaveEntered(): void {
    if (this.#state !== 'entered') throw new FrameError('a message about a run that is not under way');
  }

  #countReport(): void {
    this.#mustHaveEntered();
    if (!this.#reports?.count()) throw new FrameError('more reports than a run may send');
  }
}
