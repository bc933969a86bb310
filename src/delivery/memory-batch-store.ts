import type { BatchReceipt, BatchStore, LetterQuery, OpenedLetter, Settlement } from './batch-store.ts';

export interface MemoryBounds {
  /** Receipts of batches that do not wait any more, of one run and of all; beyond that the oldest are forgotten. */
  readonly receiptsOfRun?: number;
  readonly receipts?: number;
  /** Letters and their bytes; beyond that the oldest are forgotten. */
  readonly letters?: number;
  readonly letterBytes?: number;
}

const RECEIPTS_OF_RUN = 1_000;
const RECEIPTS = 20_000;
const LETTERS = 10_000;
const LETTER_BYTES = 32 * 1024 * 1024;

/** Keeps batches for as long as the daemon lives, and what is left of them within fixed bounds: for a daemon without `--data-dir`. */
export function createMemoryBatchStore(bounds: MemoryBounds = {}): BatchStore {
  return new MemoryBatchStore(bounds);
}

class MemoryBatchStore implements BatchStore {
  readonly isDurable = false;
  readonly #bounds: Required<MemoryBounds>;
  /** Of batches that wait. */
  readonly #bytes = new Map<string, Buffer>();
  /** By run, by batch, in the order of the batches. */
  readonly #receipts = new Map<string, Map<string, BatchReceipt>>();
  /** Settled receipts in the order of their settlements, with their runs. */
  readonly #settled = new Map<string, string>();
  readonly #letters = new Map<string, OpenedLetter>();
  #letterBytes = 0;
  #waitingBytes = 0;

  constructor(bounds: MemoryBounds) {
    this.#bounds = {
      receiptsOfRun: RECEIPTS_OF_RUN,
      receipts: RECEIPTS,
      letters: LETTERS,
      letterBytes: LETTER_BYTES,
      ...bounds,
    };
  }

  get letterCount(): number {
    return this.#letters.size;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  async found(): Promise<[]> {
    return [];
  }

  async keep({ id, bytes }: { id: string; bytes: Buffer }, receipt: BatchReceipt): Promise<void> {
    this.#hold(id, bytes);
    this.#note(receipt);
  }

  async read(id: string): Promise<Buffer> {
    const bytes = this.#bytes.get(id);
    if (bytes === undefined) throw new Error(`no batch ${id} waits`);
    return bytes;
  }

  async settle({ receipts, parts, letters, droppedLetters }: Settlement): Promise<void> {
    for (const { batch } of parts) this.#hold(batch.id, batch.bytes);
    for (const receipt of receipts) this.#note(receipt);
    for (const id of droppedLetters) this.#dropLetter(id);
    for (const opened of letters) this.#addLetter(opened);
  }

  async receipts(runId: string): Promise<readonly BatchReceipt[]> {
    const receipts = [...(this.#receipts.get(runId)?.values() ?? [])];
    return receipts.sort((a, b) => a.sequence - b.sequence);
  }

  async letters({ policy, runId, limit, after }: LetterQuery) {
    const ids = [...this.#letters.keys()];
    const letters = ids.slice(after === undefined ? 0 : ids.indexOf(after) + 1).flatMap((id) => {
      const letter = this.#letters.get(id)?.letter;
      const isMeant =
        (policy === undefined || letter?.policy === policy) &&
        (runId === undefined || letter?.runId === runId);
      return letter && isMeant ? [letter] : [];
    });
    return letters.slice(0, limit);
  }

  async letter(id: string): Promise<OpenedLetter | undefined> {
    return this.#letters.get(id);
  }

  async dropLetter(id: string): Promise<boolean> {
    return this.#dropLetter(id);
  }

  #hold(id: string, bytes: Buffer): void {
    this.#bytes.set(id, bytes);
    this.#waitingBytes += bytes.length;
  }

  #note(receipt: BatchReceipt): void {
    const { id, runId, outcome, byteLength } = receipt;
    const ofRun = this.#receipts.get(runId) ?? new Map<string, BatchReceipt>();
    this.#receipts.set(runId, ofRun.set(id, receipt));
    if (outcome === 'waiting') return;
    if (this.#bytes.delete(id)) this.#waitingBytes -= byteLength;
    this.#settled.set(id, runId);
    if (ofRun.size > this.#bounds.receiptsOfRun) this.#forgetReceipt(this.#firstSettled(ofRun));
    if (this.#settled.size > this.#bounds.receipts) this.#forgetReceipt(this.#settled.keys().next().value);
  }

  #firstSettled(receipts: ReadonlyMap<string, BatchReceipt>): string | undefined {
    return [...receipts.keys()].find((id) => this.#settled.has(id));
  }

  #forgetReceipt(id: string | undefined): void {
    const runId = id && this.#settled.get(id);
    if (id === undefined || runId === undefined) return;
    this.#settled.delete(id);
    const ofRun = this.#receipts.get(runId);
    ofRun?.delete(id);
    if (ofRun?.size === 0) this.#receipts.delete(runId);
  }

  #addLetter(opened: OpenedLetter): void {
    const { id, byteLength } = opened.letter;
    this.#letters.set(id, opened);
    this.#letterBytes += byteLength;
    const { letters, letterBytes } = this.#bounds;
    while (this.#letters.size > letters || this.#letterBytes > letterBytes) {
      const [oldest] = this.#letters.keys();
      if (oldest === undefined || oldest === id) return;
      this.#dropLetter(oldest);
    }
  }

  #dropLetter(id: string): boolean {
    const opened = this.#letters.get(id);
    if (opened === undefined) return false;
    this.#letterBytes -= opened.letter.byteLength;
    return this.#letters.delete(id);
  }
}
