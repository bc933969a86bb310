import type { RunExecution } from './execution.ts';

/** Runs in the order they came; those that are over meanwhile are passed over. */
export class RunQueue {
  #runs: RunExecution[] = [];
  #head = 0;

  push(run: RunExecution): void {
    this.#runs.push(run);
  }

  /** The run that waits longest; undefined when none waits. */
  first(): RunExecution | undefined {
    for (let run = this.#runs[this.#head]; run !== undefined; run = this.#runs[++this.#head]) {
      if (!run.isOver) return run;
    }
    this.#runs = [];
    this.#head = 0;
    return undefined;
  }

  /** Takes the {@link first} out. */
  take(): void {
    this.#head++;
  }

  /** Every run that waits. */
  all(): readonly RunExecution[] {
    return this.#runs.slice(this.#head).filter((run) => !run.isOver);
  }
}
