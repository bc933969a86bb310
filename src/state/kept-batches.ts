import type { Clock } from '../clock.ts';
import type {
  BatchPart,
  BatchReceipt,
  BatchStore,
  DeadLetter,
  LeftBatch,
  OpenedLetter,
  Settlement,
} from '../delivery/batch-store.ts';
import type { BatchEncoding } from '../sink/contract.ts';
import { keyOfName, type LeftBatchRow, type LetterRow, type ReceiptRow, type SpoolRow } from './calls.ts';
import type { StateThread } from './state-thread.ts';
import { type LetterBody, readLetterBody, readReceipt, readSpoolBody, type SpoolBody } from './stored.ts';

interface Parts {
  readonly thread: StateThread;
  readonly clock: Clock;
  /** As the thread last said. */
  readonly counts: () => { readonly waitingBytes: number; readonly letterCount: number };
  /** Is told of what is not what was written, such as `a batch`: it is left out. */
  readonly onUnreadable: (what: string) => void;
}

/** Batches, receipts and dead letters on disk. */
export function keptBatches(parts: Parts): BatchStore {
  return new KeptBatches(parts);
}

class KeptBatches implements BatchStore {
  readonly isDurable = true;
  readonly #parts: Parts;
  /** Of batches that are handed over and not yet on disk. */
  #pendingBytes = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get letterCount(): number {
    return this.#parts.counts().letterCount;
  }

  get waitingBytes(): number {
    return this.#parts.counts().waitingBytes + this.#pendingBytes;
  }

  async found(): Promise<readonly LeftBatch[]> {
    const rows = await this.#parts.thread.call('batches.found', []);
    return this.#readable('a batch', rows.map(leftBatchOf));
  }

  async keep(
    batch: BatchPart['batch'],
    receipt: BatchReceipt,
    encoding: BatchEncoding,
    policy: string,
  ): Promise<void> {
    const keptAt = receipt.keptAt ?? this.#parts.clock.now();
    const spool = spoolRowOf({ batch, encoding, policy });
    const { byteLength } = spool.bytes;
    this.#pendingBytes += byteLength;
    try {
      const row = { receipt: receiptRowOf({ ...receipt, keptAt }), spool };
      await this.#parts.thread.call('batches.keep', [row], [spool.bytes.buffer]);
    } finally {
      this.#pendingBytes -= byteLength;
    }
  }

  async read(id: string): Promise<Buffer> {
    const bytes = await this.#parts.thread.call('batches.read', [id]);
    if (!bytes) throw new Error(`batch ${id} does not wait`);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async settle({ receipts, parts, letters, droppedLetters }: Settlement): Promise<void> {
    const rows = {
      receipts: receipts.map(receiptRowOf),
      parts: parts.map(spoolRowOf),
      letters: letters.map(letterRowOf),
      droppedLetters,
    };
    const buffers = [...rows.parts, ...rows.letters].map(({ bytes }) => bytes.buffer);
    await this.#parts.thread.call('batches.settle', [rows], buffers);
  }

  async receipts(runId: string): Promise<readonly BatchReceipt[]> {
    const bodies = await this.#parts.thread.call('batches.receipts', [runId]);
    return this.#readable('a receipt', bodies.map(readReceipt));
  }

  async letters({ policy, ...query }: Parameters<BatchStore['letters']>[0]): Promise<readonly DeadLetter[]> {
    const key = policy === undefined ? undefined : keyOfName(policy);
    const bodies = await this.#parts.thread.call('letters.list', [{ ...query, policy: key }]);
    return this.#readable('a dead letter', bodies.map(readLetterBody)).map(({ letter }) => letter);
  }

  async letter(id: string): Promise<OpenedLetter | undefined> {
    const row = await this.#parts.thread.call('letters.open', [id]);
    if (!row) return undefined;
    const [body] = this.#readable('a dead letter', [readLetterBody(row.body)]);
    if (!body) return undefined;
    const { letter, run } = body;
    const bytes = Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.bytes.byteLength);
    return { letter, batch: { id: letter.batchId, run, entityCount: letter.entityCount, bytes } };
  }

  dropLetter(id: string): Promise<boolean> {
    return this.#parts.thread.call('letters.drop', [id]);
  }

  /** Leaves out what could not be read, and tells that there is such. */
  #readable<T>(what: string, found: readonly (T | undefined)[]): T[] {
    const readable = found.filter((item) => item !== undefined);
    if (readable.length < found.length) this.#parts.onUnreadable(what);
    return readable;
  }
}

function receiptRowOf(receipt: BatchReceipt): ReceiptRow {
  const { id, runId, sequence, outcome, acceptedAt } = receipt;
  return { id, runId, sequence, outcome, acceptedAt, body: JSON.stringify(receipt) };
}

function spoolRowOf({ batch, encoding, policy }: BatchPart): SpoolRow {
  const body: SpoolBody = { encoding, policy, run: batch.run };
  return { id: batch.id, body: JSON.stringify(body), bytes: copyOf(batch.bytes) };
}

/** undefined: a part of it is not what was written. */
function leftBatchOf({ receipt, spool }: LeftBatchRow): LeftBatch | undefined {
  const [read, body] = [readReceipt(receipt), readSpoolBody(spool)];
  return read && body && { ...read, ...body };
}

function letterRowOf({ letter, batch }: OpenedLetter): LetterRow {
  const body: LetterBody = { letter, run: batch.run };
  return {
    id: letter.id,
    runId: letter.runId,
    policy: keyOfName(letter.policy),
    body: JSON.stringify(body),
    bytes: copyOf(batch.bytes),
  };
}

/** Alone in its memory, so that it goes over to the thread without all that lies beside it. */
function copyOf(bytes: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
