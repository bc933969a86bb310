import type { Logger } from 'pino';
import type { Execution, ExecutionOutcome, Ingest, RunHandlers, RunRequest } from '../backend/host.ts';
import type { Timer } from '../clock.ts';
import type { DeliveryOutcome } from '../delivery/contract.ts';
import { messageOf } from '../errors.ts';
import { type Redact, redactorOf } from '../redact.ts';
import type { Batch, RunIdentity } from '../sink/contract.ts';
import { conclude, verdictOf } from './conclude.ts';
import type { RunnablePolicy } from './contract.ts';
import { durationText } from './duration-text.ts';
import type { LiveRun } from './live-run.ts';
import { logModuleOf } from './log-module.ts';
import { backendOf } from './open-run.ts';
import { reasonOf } from './reason.ts';
import { type Conclusion, moveTo, type Run, type RunStatus } from './run.ts';
import { RunOutput } from './run-output.ts';
import type { ActiveParts } from './run-parts.ts';

/** How long a backend may take to stop after its run timed out or cannot be delivered. */
const CANCEL_GRACE_MS = 5_000;

const NOTHING_TO_DELIVER: DeliveryOutcome = {
  acknowledged: 0,
  batches: 0,
  bytes: 0,
  failure: undefined,
  isLeft: false,
};

/**
 * One run on its way through its states: `begin`, `endBackend`, `finishDelivery`, `conclude`, in this order; or
 * `endBeforeStart` alone. Ten thousand may be on their way at once, so it is its own handlers and makes no promise
 * that nobody asks for.
 */
export class ActiveRun implements RunHandlers, LiveRun {
  readonly run: Run;
  readonly policy: RunnablePolicy;
  /** It shares its child with nobody. */
  readonly isAlone: boolean;
  readonly #parts: ActiveParts;
  #hasBegun = false;
  #execution: Execution | undefined;
  /** Opened for the first batch: most runs of a daemon with many policies find nothing new. */
  #output: RunOutput | undefined;
  #timeout: Timer | undefined;
  #endedEarly: Conclusion | undefined;
  #gaveUp: Conclusion | undefined;
  #isUndeliverable = false;
  #isBackendOver = false;
  #backendEnded: PromiseWithResolvers<void> | undefined;
  #backendLog: Logger | undefined;
  #redact: Redact | undefined;

  constructor(run: Run, policy: RunnablePolicy, parts: ActiveParts, isAlone: boolean) {
    this.run = run;
    this.policy = policy;
    this.isAlone = isAlone;
    this.#parts = parts;
    parts.events.emit('run:opened', { run });
  }

  /** Whether somebody ended it, or wants to. */
  get isEndedEarly(): boolean {
    return this.#endedEarly !== undefined;
  }

  /** Whether it was handed to its backend; one that was not only waits. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Resolves when the backend's part is over, and at once when it never began. */
  whenBackendEnded(): Promise<void> {
    if (this.#isBackendOver) return Promise.resolve();
    this.#backendEnded ??= Promise.withResolvers();
    return this.#backendEnded.promise;
  }

  /** Its policy may have got another version of its backend since the run was opened. */
  takeBackend(): void {
    this.run.backend = backendOf(this.policy);
  }

  /** Starts the backend's part. What it returns never rejects. */
  begin(): Promise<ExecutionOutcome> {
    try {
      return this.beginIn((request) => this.policy.lease.run(request)).outcome;
    } catch (fault) {
      return Promise.resolve({ kind: 'failed', reason: messageOf(fault) });
    }
  }

  /** Starts the backend's part with `start`. Throws what that throws, or why there is no place for the run. */
  beginIn<Begun extends Execution>(start: (request: RunRequest) => Begun): Begun {
    const { encoding, closeBatchAfterMs } = this.#parts;
    this.#hasBegun = true;
    const execution = start({
      identity: this.#identity(),
      payload: this.policy.payload,
      encoding,
      closeBatchAfterMs,
      alone: this.isAlone,
      life: this.#isAside ? undefined : this.policy.home(),
      handlers: this,
    });
    this.#execution = execution;
    return execution;
  }

  /** The backend's part is over. */
  endBackend(outcome: ExecutionOutcome): void {
    const { run } = this;
    run.usage = this.#execution?.usage;
    run.verdict = this.#cleaned(verdictOf(this.#endedEarly, outcome));
    if (run.verdict.status === 'completed') run.retryAt = undefined;
    this.#execution = undefined;
    this.#isBackendOver = true;
    if (run.status === 'running') this.#moveTo('delivering');
    if (this.#output && run.status === 'delivering') this.#parts.events.emit('run:delivering', { run });
    this.#backendEnded?.resolve();
  }

  /** Resolves when all that the backend has handed over is safe; rejects when it will not be. */
  whenKept(): Promise<void> {
    return this.#output?.kept() ?? Promise.resolve();
  }

  /** What became of what the backend yielded, as soon as it is delivered or given up; never rejects. */
  finishDelivery(): Promise<DeliveryOutcome> | DeliveryOutcome {
    return this.#output?.finish() ?? NOTHING_TO_DELIVER;
  }

  /** Whether it failed because what it yielded could not be delivered for a while. */
  hasFailedInPassing(delivered: DeliveryOutcome): boolean {
    const wasItsOwnFault = this.run.verdict?.status !== 'completed' && !this.#isUndeliverable;
    return delivered.isPassing === true && !wasItsOwnFault && this.#gaveUp === undefined;
  }

  /** Takes the run to its final state. */
  conclude(delivered: DeliveryOutcome): void {
    const verdict = this.run.verdict ?? { status: 'completed', reason: '' };
    const { status, reason } = conclude(verdict, this.#gaveUp, delivered);
    this.#finish(status, status === 'cancelled' ? reason + (this.#output?.missingInWords() ?? '') : reason);
  }

  /**
   * Ends the run before its time. One that has not begun ends at once; a backend at work gets `graceMs` to stop by
   * itself; a run that only delivers is left alone. The first reason stays, a later call may shorten the grace.
   */
  endEarly(conclusion: Conclusion, graceMs: number): void {
    if (this.#execution) {
      this.#endedEarly ??= conclusion;
      this.#execution.cancel(graceMs);
    } else if (!this.#hasBegun) {
      this.endBeforeStart(conclusion.status, conclusion.reason);
    }
  }

  /**
   * Cancels the run because somebody asks for it: its backend gets a moment to stop, and what it has yielded another
   * to be delivered. Where only the delivery is left, that is given up.
   */
  cancel(reason: string): void {
    const conclusion: Conclusion = { status: 'cancelled', reason };
    if (this.#execution) {
      this.#endSoon(conclusion);
    } else if (this.#hasBegun) {
      this.#giveUp(conclusion);
    } else {
      this.endBeforeStart('cancelled', reason);
    }
  }

  /** Takes a run that has not begun to its final state. */
  endBeforeStart(status: RunStatus, reason: string): void {
    this.#isBackendOver = true;
    this.#finish(status, reason);
  }

  entered(): void {
    this.#moveTo('running');
    this.#limitTime();
    this.#parts.events.emit('run:started', { run: this.run });
  }

  progress(done: number, total: number | undefined): void {
    this.run.progress = { done, total };
    this.run.updatedAt = this.#parts.clock.now();
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    const { id, policy, backend } = this.run;
    this.#backendLog ??= this.#parts.log.child({
      module: logModuleOf(backend.name),
      policy,
      run: id,
      backend: backend.name,
    });
    const cleaned = this.#cleaner(message);
    this.#backendLog[level](cleaned);
    const line = { at: this.#parts.clock.now(), level, message: cleaned };
    this.#parts.events.emit('run:logged', { run: this.run, line });
  }

  ingest(begin: (request: RunRequest) => Ingest): void {
    this.#parts.beside.ingest(this.policy, begin);
  }

  recordFailure(reason: string): void {
    this.#parts.beside.recordFailure(this.policy, reason);
  }

  reserve(bytes: number): Promise<void> {
    return this.#openOutput().reserve(bytes);
  }

  batch(batch: Batch): void {
    this.#output?.accept(batch);
  }

  #openOutput(): RunOutput {
    this.#output ??= new RunOutput(this.run, this.#parts, {
      redact: (text) => this.#cleaner(text),
      onFailed: (reason) => this.#endUndeliverable(reason),
    });
    return this.#output;
  }

  #identity(): RunIdentity {
    const { name: backend, appName, appVersion } = this.run.backend;
    return { runId: this.run.id, policyName: this.policy.runName, backend, appName, appVersion };
  }

  #endUndeliverable(reason: string): void {
    this.#isUndeliverable = !this.isEndedEarly;
    this.endEarly({ status: 'failed', reason }, CANCEL_GRACE_MS);
  }

  /** Its entities come from where its backend is at work anyway, for as long as they come. */
  get #isAside(): boolean {
    return this.run.trigger === 'ingest';
  }

  #limitTime(): void {
    const timeoutMs = this.policy.timeoutMs ?? this.#parts.runTimeoutMs;
    if (timeoutMs === undefined || this.isEndedEarly || this.#isAside) return;
    this.#timeout = this.#parts.clock.after(timeoutMs, () => {
      this.#endSoon({ status: 'failed', reason: `timed out after ${durationText(timeoutMs)}` });
    });
  }

  /** What was yielded in time gets as long as the backend gets to stop, and once more that time. */
  #endSoon(conclusion: Conclusion): void {
    this.endEarly(conclusion, CANCEL_GRACE_MS);
    const restMs = this.#execution ? 2 * CANCEL_GRACE_MS : 0;
    this.#timeout?.cancel();
    this.#timeout = this.#parts.clock.after(restMs, () => this.#giveUp(conclusion));
  }

  #giveUp(conclusion: Conclusion): void {
    this.#gaveUp ??= conclusion;
    this.#openOutput().abort(conclusion.reason);
  }

  get #cleaner(): Redact {
    this.#redact ??= redactorOf(this.policy.secrets);
    return this.#redact;
  }

  #cleaned({ status, reason }: Conclusion): Conclusion {
    return { status, reason: reason && reasonOf(reason, this.#cleaner) };
  }

  #moveTo(status: RunStatus): void {
    moveTo(this.run, status, this.#parts.clock.now());
  }

  #finish(status: RunStatus, reason: string): void {
    this.#timeout?.cancel();
    this.run.reason = reason && reasonOf(reason, this.#cleaner);
    this.#moveTo(status);
    this.#parts.events.emit('run:finished', { run: this.run });
  }
}
