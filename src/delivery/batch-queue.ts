import type { Batch } from '../sink/contract.ts';
import type { BatchReceipt, LeftBatch, Settlement } from './batch-store.ts';
import type { DeliveredRun, DeliveryOutcome, RunDelivery } from './contract.ts';
import { Intake } from './intake.ts';
import type { Ledger } from './ledger.ts';
import { Line } from './line.ts';
import type { QueueOptions } from './queue-options.ts';
import { Refusals } from './refusals.ts';
import { RunTally } from './run-tally.ts';
import { sendBatch, type Verdict } from './send-batch.ts';
import type { Standing } from './standing.ts';
import { leftBatch, type WaitingBatch } from './waiting-batch.ts';

/**
 * One run's batches, sent one after another. What the receiver rejects is cut until the entities at fault stand alone,
 * before anything behind it is sent; where nothing can be sent any more all is given up.
 */
export class BatchQueue implements RunDelivery {
  readonly failed: Promise<string>;
  readonly #options: QueueOptions;
  readonly #line: Line;
  readonly #refusals: Refusals;
  readonly #intake: Intake;
  readonly #tally = new RunTally();
  readonly #stopping = new AbortController();
  readonly #failure = Promise.withResolvers<string>();
  readonly #outcome = Promise.withResolvers<DeliveryOutcome>();
  #emptied: PromiseWithResolvers<void> | undefined;
  /** Why what is left will not be sent, in this life at least. */
  #reason: string | undefined;
  /** It might be, some other time. */
  #isPassing = false;
  /** The daemon's end is why. */
  #isStopped = false;
  /** What waits stays on disk. */
  #isLeaving = false;
  /** An earlier life of the run is not counted yet. */
  #isUncounted = false;
  /** Nothing is to be sent yet. */
  #isHeld = false;
  #isSending = false;
  #isFinishing = false;
  #isClosed = false;

  constructor(options: QueueOptions) {
    const { run, context } = options;
    const { sink, clock, log, store } = context.sending;
    this.#options = options;
    this.failed = this.#failure.promise;
    this.#line = new Line({ encoding: sink.encoding, room: context.room, all: context.waiting });
    this.#intake = new Intake({
      run,
      sending: context.sending,
      keeper: context.keeper,
      room: context.room,
      closing: this.#stopping.signal,
    });
    this.#refusals = new Refusals({
      run,
      clock,
      log,
      line: this.#line,
      isDurable: store.isDurable,
      settle: (settlement) => this.#settle(settlement, this.#stopping.signal),
      onBuried: (receipt) => this.#noteBuried(receipt),
    });
  }

  get run(): DeliveredRun {
    return this.#options.run;
  }

  /** Receipts of what waits, newer than what the store has. */
  get receipts(): readonly BatchReceipt[] {
    return this.#line.batches.map(({ receipt }) => receipt);
  }

  /** Its batches that wait. */
  get ledger(): Ledger {
    return this.#line.own;
  }

  tell(standing: Standing): void {
    this.#line.tell(standing);
  }

  /** Takes what an earlier life has left of the run; nothing is sent before `release`. */
  hold(found: readonly LeftBatch[]): void {
    const { room, sending } = this.#options.context;
    this.#isHeld = true;
    this.#isUncounted = true;
    // Parts were kept later than what comes after the batch that they were cut from.
    for (const left of found.toSorted((a, b) => a.sequence - b.sequence)) {
      const batch = leftBatch(left, sending.clock);
      room.add(batch);
      this.#line.add(batch);
    }
  }

  /** Takes a batch that is kept already. */
  take(batch: WaitingBatch): void {
    this.#options.context.room.add(batch);
    this.#line.add(batch);
    this.#sendOn();
  }

  release(): void {
    this.#isHeld = false;
    this.#sendOn();
  }

  async reserve(bytes: number): Promise<void> {
    if (await this.#intake.reserve(bytes)) return;
    throw new Error(this.#reason ?? 'the run takes no more batches');
  }

  accept(batch: Batch): void {
    if (this.#reason !== undefined || this.#isClosed) return;
    this.#tally.entities += batch.entityCount;
    this.#line.add(this.#intake.take(batch));
    this.#sendOn();
  }

  async kept(): Promise<void> {
    const { isDurable } = this.#options.context.sending.store;
    const isKept = await this.#intake.allKept;
    if (isDurable && isKept) return;
    await this.#whenEmpty();
    const fault = this.#reason ?? this.#tally.failure;
    if (fault !== undefined) throw new Error(fault);
  }

  finish(): Promise<DeliveryOutcome> {
    this.#isFinishing = true;
    // Its batches may wait for days, and the room that it has not filled is there for others.
    this.#intake.close();
    this.#sendOn();
    return this.#outcome.promise;
  }

  abort(reason: string): void {
    if (this.#reason !== undefined || this.#isClosed) return;
    this.#reason = reason;
    this.#stopping.abort();
    this.#sendOn();
  }

  /** Gives up what is left, as `abort` does, and tells whoever waits for a failure. */
  #fail(reason: string): void {
    if (this.#reason === undefined && !this.#isClosed) this.#failure.resolve(reason);
    this.abort(reason);
  }

  /** The daemon stops: what is on disk stays there, the rest is given up. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = this.#reason === undefined;
    this.#isLeaving = this.#isStopped && this.#options.context.sending.store.isDurable;
    this.#fail('the daemon is stopping');
    await this.#outcome.promise;
  }

  #sendOn(): void {
    if (this.#isSending || this.#isClosed || (this.#isHeld && this.#reason === undefined)) return;
    void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    if (this.#isUncounted) await this.#countEarlierLife();
    for (let batch = this.#line.next(); batch && this.#reason === undefined; batch = this.#line.next()) {
      if (batch.isKept || (await batch.whenKept)) await this.#send(batch);
    }
    if (this.#reason !== undefined) await this.#intake.allKept;
    this.#isSending = false;
    this.#closeWhenDone();
  }

  async #countEarlierLife(): Promise<void> {
    const { keeper, sending, closing } = this.#options.context;
    const count = async (): Promise<void> =>
      this.#tally.addEarlier(await sending.store.receipts(this.run.runId));
    await keeper.insist(count, closing);
    this.#isUncounted = false;
  }

  async #send(batch: WaitingBatch): Promise<void> {
    const { sending } = this.#options.context;
    const verdict: Verdict = await sendBatch(batch, sending, this.run.redact, this.#stopping.signal);
    switch (verdict.kind) {
      case 'acknowledged':
        this.#noteAcknowledged(batch);
        await this.#refusals.taken(batch);
        break;
      case 'rejected':
        await this.#refusals.refused(batch, verdict.error);
        break;
      case 'unreadable':
        this.#line.remove(batch);
        this.#noteDropped([batch], verdict.reason);
        break;
      case 'failed':
        this.#isPassing = verdict.isPassing;
        this.#fail(verdict.reason);
        break;
      case 'aborted':
    }
    if (this.#line.isEmpty) this.#noteEmpty();
  }

  #noteAcknowledged(batch: WaitingBatch): void {
    const { clock } = this.#options.context.sending;
    const acknowledged = batch.receipt.entityCount;
    const receipt: BatchReceipt = {
      ...batch.receipt,
      outcome: 'acknowledged',
      settledAt: clock.now(),
      acknowledged,
    };
    this.#line.remove(batch);
    this.#tally.settle(receipt);
    this.#options.onAcknowledged(acknowledged, receipt.byteLength);
    this.#settleSoon([receipt]);
  }

  #noteBuried(receipt: BatchReceipt): void {
    const { acknowledged, byteLength, entityCount } = receipt;
    this.#tally.settle(receipt);
    if (acknowledged > 0) this.#options.onAcknowledged(acknowledged, byteLength);
    this.#options.context.onRejected(entityCount - acknowledged);
  }

  /** Their entities will never be sent. */
  #noteDropped(batches: readonly WaitingBatch[], reason: string): void {
    if (batches.length === 0) return;
    const settledAt = this.#options.context.sending.clock.now();
    const receipts = batches.map(
      ({ receipt }): BatchReceipt => ({ ...receipt, outcome: 'dropped', settledAt, lastError: reason }),
    );
    for (const receipt of receipts) this.#tally.settle(receipt);
    this.#settleSoon(receipts);
  }

  #settle(settlement: Settlement, signal: AbortSignal): Promise<boolean> {
    const { keeper, sending } = this.#options.context;
    return keeper.insist(() => sending.store.settle(settlement), signal);
  }

  /** Nobody waits for it: what is not on record any more when the daemon dies goes out again. */
  #settleSoon(receipts: readonly BatchReceipt[]): void {
    const settlement = { receipts, parts: [], letters: [], droppedLetters: [] };
    void this.#settle(settlement, this.#options.context.closing);
  }

  #whenEmpty(): Promise<void> {
    if (this.#line.isEmpty || this.#isClosed) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers();
    return this.#emptied.promise;
  }

  #noteEmpty(): void {
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  #closeWhenDone(): void {
    const isOver = this.#reason !== undefined || (this.#isFinishing && this.#line.isEmpty);
    if (!isOver || this.#isSending || this.#isClosed) return;
    this.#isClosed = true;
    this.#stopping.abort();
    const isLeft = this.#clear();
    this.#intake.close();
    this.#noteEmpty();
    const { acknowledged, batches, bytes, failure } = this.#tally;
    // The daemon stops, but the run was done by then.
    const isDone = this.#isLeaving && this.#isFinishing && this.#tally.dropped === 0;
    this.#outcome.resolve({
      acknowledged,
      batches,
      bytes,
      failure: isDone ? failure : (this.#reason ?? failure),
      isPassing: this.#isPassing,
      isLeft,
    });
    this.#options.onClosed();
  }

  /** Leaves on disk what is there, if the daemon stops, and gives up the rest; returns whether something was left. */
  #clear(): boolean {
    const { left, lost } = this.#options.context;
    const batches = this.#line.clear();
    const leaving = this.#isLeaving ? batches.filter(({ isKept }) => isKept) : [];
    const dropped = this.#isLeaving ? batches.filter(({ isKept }) => !isKept) : batches;
    for (const batch of leaving) left.add(batch);
    if (this.#isStopped) for (const batch of dropped) lost.add(batch);
    this.#noteDropped(dropped, this.#reason ?? '');
    return leaving.length > 0;
  }
}
