import type { LineWriter } from '../../src/telemetry/text-form.ts';

/** Keeps what a log writes. */
export class Lines implements LineWriter {
  readonly isTTY: boolean;
  readonly #written: string[] = [];

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(line: string): void {
    this.#written.push(line);
  }

  /** Everything as it was written. */
  get text(): string {
    return this.#written.join('');
  }

  /** Takes the lines written since the last call. */
  take(): string[] {
    const lines = this.text.split('\n').slice(0, -1);
    this.#written.length = 0;
    return lines;
  }
}
