import type { Clock, Timer } from '../clock.ts';
import type { LogLevel } from '../options.ts';
import { FrameError } from './frames.ts';
import type { Life, LifeEnd, LifeRequest, RunRequest } from './host.ts';
import { IngestCount } from './ingest-count.ts';
import type { IngestExecution } from './ingest-execution.ts';
import { REPORT_RATE } from './messages.ts';
import { RateCheck } from './rate.ts';

/** What a life may ask of the child that it is in. */
export interface LifePort {
  tearDown(life: PolicyLife): void;
  /** Ends the child, whatever else it has. The culprit is `outsider` when the fault is with nobody else in it. */
  endFor(reason: string, culprit: PolicyLife | 'outsider'): void;
  /** The life is over, whatever way; what it opened may still be there unless `isClean`. */
  forgetLife(life: PolicyLife, isClean: boolean): void;
}

/** How long `setup` may take. */
const SETUP_LIMIT_MS = 30_000;
/** How long `teardown` may take in a child that takes nothing more. */
const MOVE_GRACE_MS = 5_000;

const SETUP_TOO_LONG = `setup took longer than ${SETUP_LIMIT_MS / 1_000} s`;
const SETUP_FAILED = 'setup failed: ';
const DID_NOT_END = 'its process was ended because the teardown of a policy took too long';
const MOVED: LifeEnd = { kind: 'moved' };
const ENDED: LifeEnd = { kind: 'ended' };

/** One policy's life on the daemon's side. What its child says about it is checked here: a lie throws a {@link FrameError}. */
export class PolicyLife implements Life {
  readonly number: number;
  readonly request: LifeRequest;
  readonly ended: Promise<LifeEnd>;
  readonly #clock: Clock;
  #settle: (end: LifeEnd) => void = () => undefined;
  #state: 'waiting' | 'setting up' | 'up' | 'leaving' | 'over' = 'waiting';
  /** How it ends when its child has torn it down. */
  #end: LifeEnd | undefined;
  #port: LifePort | undefined;
  #reports: RateCheck | undefined;
  readonly #ingests: IngestCount;
  #setupLimit: Timer | undefined;
  #cutOffAt = Number.POSITIVE_INFINITY;
  #cutOff: Timer | undefined;

  constructor(number: number, request: LifeRequest, clock: Clock) {
    this.number = number;
    this.request = request;
    this.#clock = clock;
    this.#ingests = new IngestCount(clock);
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Whether it was asked to end. */
  get isEnding(): boolean {
    return this.#end?.kind === 'ended';
  }

  handTo(port: LifePort): void {
    this.#port = port;
    this.#state = 'setting up';
    this.#reports = new RateCheck(REPORT_RATE, this.#clock);
    this.#setupLimit = this.#clock.after(SETUP_LIMIT_MS, () => port.endFor(SETUP_TOO_LONG, this));
  }

  /** `setup` has returned; it may have been asked to end meanwhile. */
  up(): void {
    if (this.#setupLimit === undefined) throw new FrameError('a policy was set up twice');
    this.#stopWaitingForSetup();
    if (this.#state !== 'setting up') return;
    this.#state = 'up';
    this.request.handlers.up();
  }

  /** @param reason what was thrown, if anything. */
  down(reason: string | null): void {
    if (this.#end === undefined) {
      if (this.#state === 'up' || reason === null) throw new FrameError('a policy left unasked');
      this.settle({ kind: 'failed', reason: SETUP_FAILED + reason, guilty: true });
      return;
    }
    if (reason !== null) this.request.handlers.log('warn', `teardown failed: ${reason}`);
    this.settle(this.#end);
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
    this.#ingests.begin();
    this.request.handlers.ingest((request) => this.#ingests.track(begin(request)));
  }

  /** Its code threw where nobody could catch it: it cannot go on. */
  threw(reason: string): void {
    this.#leave({ kind: 'failed', reason, guilty: true }, MOVE_GRACE_MS);
  }

  /** Its child takes nothing more. */
  move(): void {
    this.#leave(MOVED, MOVE_GRACE_MS);
  }

  end(graceMs: number): void {
    if (this.#end !== undefined) this.#end = ENDED;
    this.#leave(ENDED, graceMs);
  }

  /** The first end stays. */
  settle(end: LifeEnd): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#stopWaitingForSetup();
    this.#cutOff?.cancel();
    this.#settle(end);
    this.#port?.forgetLife(this, end.kind !== 'failed');
  }

  #leave(end: LifeEnd, graceMs: number): void {
    if (this.#state === 'over') return;
    const isFirst = this.#end === undefined;
    this.#end ??= end;
    if (this.#port === undefined) {
      this.settle(this.#end);
      return;
    }
    this.#state = 'leaving';
    if (isFirst) this.#port.tearDown(this);
    this.#cutOffAfter(graceMs);
  }

  #cutOffAfter(graceMs: number): void {
    const at = this.#clock.monotonic() + graceMs;
    if (this.#cutOffAt <= at) return;
    this.#cutOffAt = at;
    this.#cutOff?.cancel();
    this.#cutOff = this.#clock.after(graceMs, () => this.#port?.endFor(DID_NOT_END, 'outsider'));
  }

  #stopWaitingForSetup(): void {
    this.#setupLimit?.cancel();
    this.#setupLimit = undefined;
  }

  #countReport(): void {
    if (!this.#reports?.count()) throw new FrameError('more reports than a policy may send');
  }
}
