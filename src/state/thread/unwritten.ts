import type { Call } from '../calls.ts';
import { bytesOf } from './groups.ts';

type HistoryCall = Call<'history.write'>;

/** Earlier history makes room for later. */
const MOST_BYTES = 16 * 1024 * 1024;

/** History that could not be written yet. */
export class Unwritten {
  #calls: { readonly call: HistoryCall; readonly bytes: number }[] = [];
  #bytes = 0;

  add(call: HistoryCall): void {
    const bytes = bytesOf(call);
    this.#calls.push({ call, bytes });
    this.#bytes += bytes;
    while (this.#bytes > MOST_BYTES) this.#bytes -= this.#calls.shift()?.bytes ?? this.#bytes;
  }

  get calls(): readonly HistoryCall[] {
    return this.#calls.map(({ call }) => call);
  }

  clear(): void {
    this.#calls = [];
    this.#bytes = 0;
  }
}
