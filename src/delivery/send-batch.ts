import type { Logger } from 'pino';
import { type Clock, pause } from '../clock.ts';
import { messageOf, UnavailableError } from '../errors.ts';
import type { Redact } from '../redact.ts';
import { type Sink, SinkError } from '../sink/contract.ts';
import { backoffMs, LONGEST_DELAY_MS } from './backoff.ts';
import type { BatchStore } from './batch-store.ts';
import type { CallResult, ReceiverGate } from './receiver-gate.ts';
import { batchOf, type WaitingBatch } from './waiting-batch.ts';

/** What all runs' deliveries share. */
export interface SendingContext {
  readonly sink: Sink;
  readonly store: BatchStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly gate: ReceiverGate;
  /** How long a batch is tried again while the receiver is unavailable; Infinity: for as long as it takes. */
  readonly patienceMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** What became of a batch that was to be sent. */
export type Verdict =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'rejected'; readonly error: SinkError }
  /** Its bytes are gone. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** The receiver stayed away for too long (`isPassing`), or nothing can be sent with this configuration. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isPassing: boolean }
  | { readonly kind: 'aborted' };

/**
 * Sends a batch until it is acknowledged or refused for good. While it waits for its next try others may send. Its bytes
 * are in memory afterwards where the verdict is `rejected`.
 */
export async function sendBatch(
  batch: WaitingBatch,
  context: SendingContext,
  redact: Redact | undefined,
  signal: AbortSignal,
): Promise<Verdict> {
  const { clock, gate } = context;
  const begunAt = clock.monotonic();
  for (;;) {
    const entry = await gate.enter(begunAt, signal);
    if (entry === 'aborted') return { kind: 'aborted' };
    if (entry === 'weary') return weary(batch, context);
    const random = context.random();
    const verdict = await tryOnce(batch, context, { random, redact, signal });
    if (!(verdict instanceof SinkError)) return verdict;
    const leftMs = context.patienceMs - (clock.monotonic() - begunAt);
    if (leftMs <= 0) return weary(batch, context);
    const delayMs = Math.min(
      verdict.kind === 'fatal' ? LONGEST_DELAY_MS : backoffMs(batch.receipt.tries, random),
      leftMs,
    );
    context.log.debug(describeRetry(batch, verdict, delayMs));
    if (!batch.isResident) batch.bytes = undefined;
    batch.nextTryAt = clock.now() + delayMs;
    await pause(clock, delayMs, signal);
    batch.nextTryAt = undefined;
  }
}

function weary(batch: WaitingBatch, context: SendingContext): Verdict {
  return { kind: 'failed', reason: describeWeariness(batch, context), isPassing: true };
}

interface Try {
  /** From 0 to 1. */
  readonly random: number;
  readonly redact: Redact | undefined;
  readonly signal: AbortSignal;
}

/** One call; resolves with the error where it is to be made again. */
async function tryOnce(
  batch: WaitingBatch,
  context: SendingContext,
  { random, redact, signal }: Try,
): Promise<Verdict | SinkError> {
  const { epoch } = context.gate;
  let result: CallResult = 'unknown';
  const { firstSentAt, lastSentAt } = batch.receipt;
  try {
    batch.bytes ??= await context.store.read(batch.receipt.id);
    if (signal.aborted) return { kind: 'aborted' };
    noteCall(batch, context.clock.now());
    await context.sink.send(batchOf(batch, batch.bytes), signal);
    result = 'answered';
    return { kind: 'acknowledged' };
  } catch (thrown) {
    if (batch.bytes === undefined) return unreadable(thrown);
    const error = cleaned(asSinkError(thrown), redact);
    if (error.isUnsent) batch.receipt = { ...batch.receipt, firstSentAt, lastSentAt };
    if (signal.aborted) return { kind: 'aborted' };
    noteError(batch, error, context);
    const isForGood = error.kind === 'fatal' && !context.store.isDurable;
    if (isForGood) return { kind: 'failed', reason: error.message, isPassing: false };
    result = resultOf(error);
    return error.kind === 'rejected' ? { kind: 'rejected', error } : error;
  } finally {
    context.gate.leave({ result, epoch, random, words: batch.receipt.lastError });
  }
}

function asSinkError(thrown: unknown): SinkError {
  if (thrown instanceof SinkError) return thrown;
  return new SinkError('rejected', messageOf(thrown), { cause: thrown });
}

/** A receiver may repeat what it was sent, and its words are kept. */
function cleaned(error: SinkError, redact: Redact | undefined): SinkError {
  return redact === undefined ? error : error.reworded(redact);
}

function resultOf({ kind }: SinkError): CallResult {
  if (kind === 'rejected') return 'answered';
  return kind === 'fatal' ? 'misconfigured' : 'away';
}

function unreadable(thrown: unknown): Verdict | SinkError {
  if (thrown instanceof UnavailableError) return new SinkError('unavailable', thrown.message);
  return { kind: 'unreadable', reason: messageOf(thrown) };
}

function noteCall(batch: WaitingBatch, now: number): void {
  const { receipt } = batch;
  batch.family.requests++;
  batch.receipt = {
    ...receipt,
    firstSentAt: receipt.firstSentAt ?? now,
    lastSentAt: now,
    tries: receipt.tries + 1,
  };
}

/** Kept when there is time: nobody waits for it, and the next state says it again. */
function noteError(
  batch: WaitingBatch,
  { message, kind }: SinkError,
  { clock, store }: SendingContext,
): void {
  batch.lastError = { at: clock.now(), message };
  batch.receipt = { ...batch.receipt, lastError: message };
  if (kind === 'rejected') return;
  const receipts = [batch.receipt];
  store.settle({ receipts, parts: [], letters: [], droppedLetters: [] }).catch(() => undefined);
}

function describeWeariness({ receipt }: WaitingBatch, { gate, patienceMs }: SendingContext): string {
  const { tries } = receipt;
  const words = receipt.lastError || gate.lastWords;
  return `${words} (gave up after ${tries} tries in ${patienceMs / 1000} s)`;
}

function describeRetry({ receipt, run }: WaitingBatch, error: SinkError, delayMs: number): string {
  const seconds = (delayMs / 1000).toFixed(1);
  return `Policy ${run.policyName}: batch ${receipt.id} of run ${run.runId} is sent again in ${seconds} s (${receipt.tries} tries so far): ${error.message}`;
}
