import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { SinkError } from '../sink/contract.ts';
import type { BatchReceipt, OpenedLetter, Settlement } from './batch-store.ts';
import type { DeliveredRun } from './contract.ts';
import type { Line } from './line.ts';
import { halves, type Piece, planRefusal, type RefusedPiece, sameWords } from './refusal-plan.ts';
import { batchOf, type WaitingBatch, waitingBatch } from './waiting-batch.ts';

export interface RefusalsOptions {
  readonly run: DeliveredRun;
  readonly line: Line;
  /** Whether what is kept is on disk. */
  readonly isDurable: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves with false when the settlement could not be kept before the run's delivery stopped. */
  settle(settlement: Settlement): Promise<boolean>;
  /** A batch that waits no more: all or some of it is letters. */
  onBuried(receipt: BatchReceipt): void;
}

/** Different words of the receiver that are told of one run; past it they are for those who want to know it all. */
const MOST_TOLD = 20;

/**
 * What happens to batches that the receiver rejects: cut, and sent in parts, until the entities at fault stand alone;
 * those become dead letters. Parts are kept before the batch that they were cut from is forgotten.
 */
export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #told = new Set<string>();

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** The receiver rejected this batch, whose bytes are in memory. */
  async refused(batch: WaitingBatch, error: SinkError): Promise<void> {
    const { family } = batch;
    const words = sameWords(error.message);
    family.words ??= words;
    if (family.words !== words) family.isHopeless = false;
    const plan = planRefusal(batch, bytesOf(batch), error);
    if (plan.kind === 'split') await this.#split(batch, plan.parts);
    else if (plan.kind === 'bury') await this.#bury([[batch, plan.letters]]);
    else batch.refusedWith = error;
    await this.#decideOnRefused(batch);
  }

  /** The receiver took this batch, which waits no more: there is hope for the rest of what it was cut from. */
  async taken({ family }: WaitingBatch): Promise<void> {
    family.isHopeless = false;
    const [sibling] = this.#options.line.ofFamily(family);
    if (sibling !== undefined) await this.#decideOnRefused(sibling);
  }

  /** Parts that wait for what becomes of the others are cut when there is hope, and given up when none is left to try. */
  async #decideOnRefused({ family }: WaitingBatch): Promise<void> {
    const { line } = this.#options;
    const all = line.ofFamily(family);
    const refused = all.filter(({ refusedWith }) => refusedWith !== undefined);
    if (refused.length === 0) return;
    if (!family.isHopeless) {
      for (const batch of refused) await this.#halve(batch);
    } else if (refused.length === all.length) {
      await this.#bury(refused.map((batch) => [batch, [wholeOf(batch)]]));
    }
  }

  async #halve(batch: WaitingBatch): Promise<void> {
    const parts = halves(batch, bytesOf(batch));
    if (parts === undefined) await this.#bury([[batch, [wholeOf(batch)]]]);
    else await this.#split(batch, parts);
  }

  async #split(batch: WaitingBatch, pieces: readonly Piece[]): Promise<void> {
    const { settle, clock, line, run, isDurable } = this.#options;
    const parts = pieces.map((piece) =>
      waitingBatch(
        { id: randomUUID(), run: batch.run, ...piece },
        {
          sequence: batch.receipt.sequence,
          parent: batch.receipt.id,
          acceptedAt: batch.receipt.acceptedAt,
          encoding: batch.encoding,
          family: batch.family,
          generation: batch.generation + 1,
          addedAt: batch.addedAt,
        },
      ),
    );
    const { encoding } = batch;
    const cut: BatchReceipt = { ...batch.receipt, outcome: 'split', settledAt: clock.now() };
    const isKept = await settle({
      receipts: [cut, ...parts.map(({ receipt }) => receipt)],
      parts: parts.map((part, index) => ({
        batch: batchOf(part, pieces[index]?.bytes ?? Buffer.alloc(0)),
        encoding,
        policy: run.policy,
      })),
      letters: [],
      droppedLetters: [],
    });
    if (!isKept) return;
    for (const part of parts) {
      part.isKept = true;
      if (isDurable) part.receipt = { ...part.receipt, keptAt: clock.now() };
    }
    line.replace(batch, parts);
  }

  async #bury(refused: readonly (readonly [WaitingBatch, readonly RefusedPiece[]])[]): Promise<void> {
    const { settle, line, onBuried } = this.#options;
    const buried = refused.map(([batch, pieces]) => ({
      batch,
      receipt: this.#receiptOf(batch, pieces),
      letters: pieces.map((piece) => this.#letterOf(batch, piece)),
    }));
    const receipts = buried.map(({ receipt }) => receipt);
    const letters = buried.flatMap((one) => one.letters);
    if (!(await settle({ receipts, parts: [], letters, droppedLetters: [] }))) return;
    for (const { batch, receipt } of buried) {
      if (receipt.acknowledged > 0) batch.family.isHopeless = false;
      line.remove(batch);
      this.#log(batch, receipt);
      onBuried(receipt);
    }
  }

  #receiptOf({ receipt }: WaitingBatch, pieces: readonly RefusedPiece[]): BatchReceipt {
    const rejected = pieces.reduce((sum, { entityCount }) => sum + entityCount, 0);
    return {
      ...receipt,
      outcome: 'rejected',
      settledAt: this.#options.clock.now(),
      acknowledged: receipt.entityCount - rejected,
    };
  }

  #letterOf({ run, encoding, receipt }: WaitingBatch, piece: RefusedPiece): OpenedLetter {
    const { entityCount, bytes, reason } = piece;
    const id = randomUUID();
    return {
      letter: {
        id,
        runId: receipt.runId,
        policy: this.#options.run.policy,
        batchId: receipt.id,
        encoding,
        entityCount,
        byteLength: bytes.length,
        reason,
        rejectedAt: this.#options.clock.now(),
      },
      batch: { id, run, entityCount, bytes },
    };
  }

  #log({ run }: WaitingBatch, { id, entityCount, acknowledged, lastError }: BatchReceipt): void {
    const share = `${entityCount - acknowledged} of ${entityCount} entities`;
    this.#options.log[this.#levelFor(lastError)](
      `Policy ${run.policyName}: ${share} in batch ${id} of run ${run.runId} are dead letters: ${lastError}`,
    );
  }

  /** A run may have thousands of letters that say the same; its own line, at the end, counts them. */
  #levelFor(error: string): 'warn' | 'debug' {
    const words = sameWords(error);
    if (this.#told.has(words) || this.#told.size >= MOST_TOLD) return 'debug';
    this.#told.add(words);
    return 'warn';
  }
}

/** Those of a batch that was refused stay in memory until it is decided what becomes of it. */
function bytesOf({ bytes }: WaitingBatch): Buffer {
  return bytes ?? Buffer.alloc(0);
}

function wholeOf(batch: WaitingBatch): RefusedPiece {
  const { entityCount, lastError } = batch.receipt;
  return { entityCount, bytes: bytesOf(batch), reason: lastError };
}
