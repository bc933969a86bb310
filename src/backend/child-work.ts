import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { RunExecution } from './execution.ts';
import { FrameError } from './frames.ts';
import type { RunRequest } from './host.ts';
import { IngestExecution, type IngestPort } from './ingest-execution.ts';
import type { MessageSender } from './message-sender.ts';
import type { WorkForChild } from './messages.ts';
import { OwedAnswers } from './owed-answers.ts';
import type { LifePort, PolicyLife } from './policy-life.ts';
import type { ProcessUsage } from './process-usage.ts';
import { HandOutWindow, STUCK_MS } from './window.ts';

export interface WorkOptions {
  readonly clock: Clock;
  readonly sender: MessageSender;
  /** A number that no run and no life has. */
  readonly newNumber: () => number;
  /** What the child's process uses; undefined where the system does not tell. */
  readonly usage: () => ProcessUsage | undefined;
  /** Called when it was handed a run or a policy. */
  readonly onBegun: () => void;
  /** Called when a run is over, whatever way. */
  readonly onRunOver: () => void;
  /** Called when a policy's life is over; what it opened may still be there unless `isClean`. */
  readonly onLifeOver: (isClean: boolean) => void;
  /** Called with runs that it was handed and did not enter: it gets no turn to do that. */
  readonly onWithdrawn: (runs: readonly RunExecution[]) => void;
  /** Ends the child. The culprit is `outsider` when the fault is with nobody who is left in it. */
  readonly end: (reason: string, culprit?: PolicyLife | 'outsider') => void;
}

const TAKEN_BACK = 'the run was taken back: another process has it';
const STUCK = `its process did not answer for ${STUCK_MS / 1_000} s`;

/** The work of one child: runs that it was handed, policies that live in it, runs that these begin themselves. */
export class ChildWork implements IngestPort, LifePort {
  readonly window: HandOutWindow;
  readonly #options: WorkOptions;
  readonly #runs = new Map<number, RunExecution>();
  readonly #lives = new Map<number, PolicyLife>();
  /** Numbers of runs that were taken back: the child may have entered them before it knew. */
  readonly #takenBack = new Set<number>();
  #wasUsed = false;
  readonly #owed: OwedAnswers;

  constructor(options: WorkOptions) {
    this.#options = options;
    this.window = new HandOutWindow(options.clock);
    this.#owed = new OwedAnswers({
      clock: options.clock,
      window: this.window,
      isNeeded: () => this.#runs.size > 0,
      onStuck: () => this.#giveUpWaiting(),
    });
  }

  get runs(): ReadonlyMap<number, RunExecution> {
    return this.#runs;
  }

  get lives(): ReadonlyMap<number, PolicyLife> {
    return this.#lives;
  }

  get isNone(): boolean {
    return this.#runs.size === 0 && this.#lives.size === 0;
  }

  /** Whether it was ever handed anything: what that left behind may be what the child ends of. */
  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  /** Whether code of a run or a policy is under way in it. */
  get isUnderWay(): boolean {
    return this.#lives.size > 0 || [...this.#runs.values()].some((run) => run.hasEntered);
  }

  /** Whether a run of this number was taken back: what the child says of it does not count. */
  hasTakenBack(number: number): boolean {
    return this.#takenBack.has(number);
  }

  /** Whether the child's silence would hurt somebody: a run that has it alone, or alone with its policy, may take its time. */
  get suffersFromSilence(): boolean {
    return this.#runs.size > 1 || this.#lives.size > 1 || (this.#lives.size === 1 && this.#runs.size === 0);
  }

  /** Hands a run over; whatever happens to the child, the run gets an outcome. */
  start(execution: RunExecution): void {
    const { clock, sender, onBegun } = this.#options;
    const { number, request } = execution;
    this.#runs.set(number, execution);
    this.#wasUsed = true;
    onBegun();
    this.#owed.begin();
    this.window.handed(clock.monotonic());
    execution.handTo(this);
    this.#noteSharing(execution);
    const message: WorkForChild = {
      type: 'start',
      run: number,
      runId: request.identity.runId,
      policyName: request.identity.policyName,
      encoding: request.encoding,
      closeBatchAfterMs: request.closeBatchAfterMs,
    };
    sender.tellWithPayload(message, request.payload);
  }

  /** Sets a policy up; whatever happens to the child, its life gets an end. */
  setUp(life: PolicyLife): void {
    const { sender, onBegun } = this.#options;
    const { number, request } = life;
    this.#lives.set(number, life);
    this.#wasUsed = true;
    onBegun();
    life.handTo(this);
    const { policyName, payload } = request;
    sender.tellWithPayload({ type: 'setup', life: number, policyName }, payload);
  }

  /** Opens a run for entities that code of a run or a life hands over; undefined: of a run that was taken back. */
  ingest(owner: RunExecution | PolicyLife | undefined, id: number): void {
    try {
      if (owner === undefined) throw new Error(TAKEN_BACK);
      owner.ingest((request) => this.#open(id, request));
    } catch (error) {
      if (error instanceof FrameError) throw error;
      this.#options.sender.tell({ type: 'unopened', id, reason: messageOf(error) });
    }
  }

  /** The child says that it has entered so many more runs. Throws a {@link FrameError} when that cannot be. */
  turned(runs: number): void {
    const isTrue = this.window.answered(runs, this.#options.clock.monotonic());
    if (!isTrue) throw new FrameError('an answer for runs that it was not handed');
    this.#restWhenIdle();
  }

  /**
   * What it was handed and has not entered goes to another.
   *
   * @param endUseless ends a child that is of no use, so that it is not handed the same again.
   * @param isWanted whether another may have this run.
   */
  takeBack(endUseless: () => void, isWanted: (run: RunExecution) => boolean = () => true): void {
    const handed = [...this.#runs.values()].filter((run) => !run.hasEntered);
    const left = handed.filter((run) => this.#withdraw(run));
    endUseless();
    this.#options.onWithdrawn(left.filter(isWanted));
  }

  /** The policies that live in it have to go elsewhere. */
  moveLives(): void {
    for (const life of this.#lives.values()) life.move();
  }

  /** Cancels its runs and ends its lives; whoever calls it ends the child then. */
  cancel(): void {
    for (const run of this.#runs.values()) run.cancel(0);
    for (const life of this.#lives.values()) life.end(0);
  }

  /** The child is gone: nothing is owed any more. */
  stopWaiting(): void {
    this.#owed.end();
  }

  tell(type: 'abort' | 'grant' | 'refuse', run: number): void {
    this.#options.sender.tell({ type, run });
  }

  answer(run: number, refusal: string | undefined): void {
    const { sender } = this.#options;
    sender.tell(refusal === undefined ? { type: 'kept', run } : { type: 'unkept', run, reason: refusal });
  }

  usage(): ProcessUsage | undefined {
    return this.#options.usage();
  }

  /** One that was not entered need not cost the others their child: something of theirs keeps it. */
  cutOff(execution: RunExecution): void {
    const hasOthers = this.#runs.size > 1 || this.#lives.size > 0;
    if (execution.hasEntered || !hasOthers) {
      this.#options.end('its process was ended because another run did not stop', 'outsider');
    } else {
      this.#withdraw(execution);
      this.#options.onRunOver();
    }
  }

  forget(execution: RunExecution): void {
    this.#runs.delete(execution.number);
    this.#restWhenIdle();
    this.#options.onRunOver();
  }

  tearDown(life: PolicyLife): void {
    this.#options.sender.tell({ type: 'teardown', life: life.number });
  }

  endFor(reason: string, culprit: PolicyLife | 'outsider'): void {
    this.#options.end(reason, culprit);
  }

  forgetLife(life: PolicyLife, isClean: boolean): void {
    this.#lives.delete(life.number);
    this.#options.onLifeOver(isClean);
  }

  /** Whoever was slow with what is over is not slow any more. */
  #restWhenIdle(): void {
    if (this.#runs.size === 0) this.window.rest();
  }

  #noteSharing(added: RunExecution): void {
    if (this.#runs.size < 2) return;
    added.shareProcess();
    if (this.#runs.size === 2) for (const run of this.#runs.values()) run.shareProcess();
  }

  /** The child answers for it all the same, as soon as it reads this. Returns whether another may have it. */
  #withdraw(run: RunExecution): boolean {
    const { sender, newNumber } = this.#options;
    this.#runs.delete(run.number);
    this.#takenBack.add(run.number);
    sender.tell({ type: 'withdraw', run: run.number });
    return run.withdraw(newNumber());
  }

  #open(id: number, request: RunRequest): IngestExecution {
    const { clock, sender, newNumber } = this.#options;
    const { identity, encoding, closeBatchAfterMs } = request;
    const run = newNumber();
    const execution = new IngestExecution(run, request, clock, this);
    this.#runs.set(run, execution);
    sender.tell({ type: 'opened', id, run, runId: identity.runId, encoding, closeBatchAfterMs });
    return execution;
  }

  /**
   * It had time enough to enter what it was handed. A run that keeps the others from being entered may have good reasons;
   * without one it is what a past run left behind.
   */
  #giveUpWaiting(): void {
    const endUseless = (): void => {
      if (this.#runs.size === 0) this.#options.end(STUCK);
    };
    this.takeBack(endUseless, (run) => run.giveUpOn(STUCK));
  }
}
