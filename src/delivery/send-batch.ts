import type { Logger } from 'pino';
import { type Clock, pause } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Batch, type Sink, SinkError } from '../sink/contract.ts';
import type { Allowance } from './allowance.ts';
import { backoffMs } from './backoff.ts';

/** What all runs' deliveries share. */
export interface SendingContext {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Calls under way at once. */
  readonly calls: Allowance;
  /** How long a batch is tried again while the receiver is unavailable. */
  readonly retryForMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Sends a batch until it is acknowledged. Resolves with undefined then, with the reason when it never will be: it was
 * rejected, the receiver stayed away for too long, or `signal` aborted. While it waits for its next try others may send.
 */
export async function sendBatch(
  batch: Batch,
  context: SendingContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { clock, retryForMs } = context;
  const begunAt = clock.monotonic();
  for (let tries = 1; ; tries += 1) {
    const error = await trySending(batch, context, signal);
    if (error === undefined || signal.aborted) return error?.message;
    if (error.kind !== 'unavailable') return error.message;
    const leftMs = retryForMs - (clock.monotonic() - begunAt);
    if (leftMs <= 0) return `${error.message} (gave up after ${tries} tries in ${retryForMs / 1000} s)`;
    const delayMs = Math.min(backoffMs(tries, context.random()), leftMs);
    context.log.debug(describeRetry(batch, error, tries, delayMs));
    await pause(clock, delayMs, signal);
  }
}

async function trySending(
  batch: Batch,
  { sink, calls }: SendingContext,
  signal: AbortSignal,
): Promise<SinkError | undefined> {
  if (!(await calls.take(1, signal))) return new SinkError('unavailable', 'given up before it was sent');
  try {
    await sink.send(batch, signal);
    return undefined;
  } catch (error) {
    return error instanceof SinkError ? error : new SinkError('rejected', messageOf(error), { cause: error });
  } finally {
    calls.release(1);
  }
}

function describeRetry({ id, run }: Batch, error: SinkError, tries: number, delayMs: number): string {
  const seconds = (delayMs / 1000).toFixed(1);
  return `Policy ${run.policyName}: batch ${id} of run ${run.runId} is sent again in ${seconds} s (${tries} tries so far): ${error.message}`;
}
