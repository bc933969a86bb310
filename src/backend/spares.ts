import { BackendChild, type ChildOptions } from './child.ts';

/** Keeps one process up that has no package yet, for whoever needs a child next. */
export class Spares {
  readonly #options: ChildOptions;
  #spare: BackendChild | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  /** The spare, or a process that has only just been started. */
  take(): BackendChild {
    const child = this.#spare ?? new BackendChild(this.#options);
    this.#spare = undefined;
    return child;
  }

  /** Makes sure that there is one. */
  keepOne(): void {
    if (this.#spare !== undefined) return;
    const child = new BackendChild(this.#options);
    this.#spare = child;
    void child.ended.then(() => {
      if (this.#spare === child) this.#spare = undefined;
    });
  }

  /** Lets the spare go. */
  async drop(): Promise<void> {
    const child = this.#spare;
    this.#spare = undefined;
    await child?.kill();
  }

  /** The spare, while there is one. */
  get current(): BackendChild | undefined {
    return this.#spare;
  }
}
