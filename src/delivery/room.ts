import { Allowance } from './allowance.ts';
import type { WaitingBatch } from './waiting-batch.ts';

export interface RoomOptions {
  /** Bytes of batches that wait, or are about to, of all runs together. */
  readonly waitingBytes: number;
  /** Of these, bytes in memory; what is kept on disk can be read back. */
  readonly memoryBytes: number;
}

/** Where the bytes of batches are until they are acknowledged: the spool bounds all of them, memory those that are in it. */
export class Room {
  readonly #waiting: Allowance;
  /** Reserved, or accepted and not kept yet: half of the memory. */
  readonly #unkept: Allowance;
  /** What of the kept may stay in memory: the other half. */
  readonly #mostResident: number;
  #resident = 0;

  constructor({ waitingBytes, memoryBytes }: RoomOptions) {
    this.#waiting = new Allowance(waitingBytes);
    this.#unkept = new Allowance(memoryBytes / 2);
    this.#mostResident = memoryBytes / 2;
  }

  /** Resolves with true when there is room for a batch to come, with false when `signal` aborts first. */
  async reserve(bytes: number, signal: AbortSignal): Promise<boolean> {
    if (!(await this.#waiting.take(bytes, signal))) return false;
    if (await this.#unkept.take(bytes, signal)) return true;
    this.#waiting.release(bytes);
    return false;
  }

  /** Gives back what was reserved. */
  release(bytes: number): void {
    this.#unkept.release(bytes);
    this.#waiting.release(bytes);
  }

  /** A batch takes `reserved` bytes' place. */
  fill(bytes: number, reserved: number): void {
    this.#waiting.add(bytes);
    this.#unkept.add(bytes);
    this.release(reserved);
  }

  /** A batch that was accepted is kept: its bytes stay in memory only if there is room. */
  settleIn(batch: WaitingBatch): void {
    this.#unkept.release(batch.receipt.byteLength);
    this.#makeResident(batch);
  }

  /** A kept batch that nobody has reserved room for: it is there already. */
  add(batch: WaitingBatch): void {
    this.#waiting.add(batch.receipt.byteLength);
    this.#makeResident(batch);
  }

  /** The batch waits no more. */
  remove(batch: WaitingBatch): void {
    const { byteLength } = batch.receipt;
    if (!batch.isKept) this.#unkept.release(byteLength);
    this.dropBytes(batch);
    this.#waiting.release(byteLength);
  }

  #makeResident(batch: WaitingBatch): void {
    const { byteLength } = batch.receipt;
    if (batch.bytes === undefined) return;
    if (this.#resident + byteLength > this.#mostResident) batch.bytes = undefined;
    else this.#resident += byteLength;
    batch.isResident = batch.bytes !== undefined;
  }

  /** Its bytes are not needed in memory for now. */
  dropBytes(batch: WaitingBatch): void {
    if (batch.isResident) this.#resident -= batch.receipt.byteLength;
    batch.isResident = false;
    batch.bytes = undefined;
  }
}
