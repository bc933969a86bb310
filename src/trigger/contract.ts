/** Decides *when* runs of a policy start. Whether a due run may start is decided in `run/`. */
export interface Trigger {
  /** From now on calls `fire` with the moment (epoch ms) that the run was due; `fire` never throws. */
  start(fire: (dueAt: number) => void): void;
  /** No `fire` after this; harmless when repeated. */
  stop(): void;
  /** When it will fire next (epoch ms), for status; undefined when it will not. */
  next(): number | undefined;
}
