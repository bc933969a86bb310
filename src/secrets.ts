import { type Redact, redactorOf } from './redact.ts';

/** The daemon's own secrets, as they come and go: whatever is written for others is cleaned of them. */
export class Secrets {
  readonly #byHolder = new Map<string, readonly string[]>();
  #redact: Redact = (text) => text;

  /** What `holder` has from now on, instead of what it had. */
  keep(holder: string, secrets: readonly string[]): void {
    this.#byHolder.set(holder, secrets);
    this.#redact = redactorOf([...this.#byHolder.values()].flat());
  }

  /** Puts `***` in the place of each. */
  readonly redact: Redact = (text) => this.#redact(text);
}
