import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { UnavailableError } from '../errors.ts';
import type { BatchStore, OpenedLetter } from './batch-store.ts';
import type { DeadLetters, DeliveredRun } from './contract.ts';
import { newFamily, type WaitingBatch, waitingBatch } from './waiting-batch.ts';

export interface DeadLettersOptions {
  readonly store: BatchStore;
  readonly clock: Clock;
  readonly isStopping: () => boolean;
  /** Sends a batch that is kept already. */
  send(run: DeliveredRun, batch: WaitingBatch): void;
}

/** What the receiver refused for good, and the way back. */
export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { store } = options;
  /** Two at once would send one letter twice. */
  const underWay = new Map<string, Promise<string | undefined>>();
  return {
    get count() {
      return store.letterCount;
    },
    list: (query) => store.letters(query),
    open: (id) => store.letter(id),
    retry(id) {
      const retried = underWay.get(id) ?? retry(id, options).finally(() => underWay.delete(id));
      underWay.set(id, retried);
      return retried;
    },
    async drop(id) {
      await underWay.get(id)?.catch(() => undefined);
      return store.dropLetter(id);
    },
  };
}

async function retry(id: string, options: DeadLettersOptions): Promise<string | undefined> {
  const { store, clock, send } = options;
  const opened = await store.letter(id);
  if (opened === undefined) return undefined;
  if (options.isStopping()) throw new UnavailableError('the daemon is stopping');
  const { batch: entities, letter } = opened;
  const { encoding, policy, runId } = letter;
  const batch = { ...entities, id: randomUUID() };
  const waiting = waitingBatch(batch, {
    sequence: await sequenceOf(opened, store),
    parent: letter.batchId,
    acceptedAt: clock.now(),
    encoding,
    family: newFamily(),
    generation: 0,
    addedAt: clock.monotonic(),
  });
  await store.settle({
    receipts: [waiting.receipt],
    parts: [{ batch, encoding, policy }],
    letters: [],
    droppedLetters: [id],
  });
  waiting.isKept = true;
  if (store.isDurable) waiting.receipt = { ...waiting.receipt, keptAt: clock.now() };
  send({ runId, policy }, waiting);
  return batch.id;
}

/** Stands beside the batch that it comes from. */
async function sequenceOf({ letter }: OpenedLetter, store: BatchStore): Promise<number> {
  const receipts = await store.receipts(letter.runId);
  return receipts.find(({ id }) => id === letter.batchId)?.sequence ?? receipts.at(-1)?.sequence ?? 0;
}
