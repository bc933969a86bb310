import type { RunLine } from './run/contract.ts';
import type { Run } from './run/run.ts';

/** Every event of the daemon. History, metrics and log hang on these; nothing waits for them. */
export interface DaemonEvents {
  /** A policy was accepted; none of its runs has started yet. */
  'policy:applied': { readonly policy: string; readonly backend: string };
  /** A document of policies was refused for what is in it. */
  'policy:refused': { readonly reason: string };
  /** A policy took the place of another of its name, whose runs may still be under way. */
  'policy:replaced': { readonly policy: string; readonly backend: string };
  /** A policy is gone; its runs are being cancelled. */
  'policy:deleted': { readonly policy: string };
  /** The daemon stops: the policy fires no more. */
  'policy:stopped': { readonly policy: string };
  /** A run was opened. It ends with exactly one `run:finished`, but for one that the next life is to deliver. */
  'run:opened': { readonly run: Readonly<Run> };
  /** A run that an earlier life had opened goes on, or is lost: it ends as if it had been opened now. */
  'run:resumed': { readonly run: Readonly<Run> };
  /** The backend's `run` was entered. */
  'run:started': { readonly run: Readonly<Run> };
  /** Its backend's part is over, and what it yielded is still being delivered. */
  'run:delivering': { readonly run: Readonly<Run> };
  /** A backend wrote a line in a run, whatever its level. */
  'run:logged': { readonly run: Readonly<Run>; readonly line: RunLine };
  /** A run reached its final state, `skipped` included. */
  'run:finished': { readonly run: Readonly<Run> };
  /** More is known of a run in its final state: when it is run again, or what arrived of it after all. */
  'run:changed': { readonly run: Readonly<Run> };
  /** The sink acknowledged a batch. */
  'batch:delivered': { readonly run: Readonly<Run>; readonly entityCount: number; readonly bytes: number };
  /** A request was answered; `route` is the template, not what was called. */
  'api:answered': {
    readonly route: string;
    readonly method: string;
    readonly statusCode: number;
    readonly durationMs: number;
  };
}

export type EventName = keyof DaemonEvents;
type Listener<Name extends EventName> = (event: DaemonEvents[Name]) => void;

/** Hands events to their listeners; one that throws is reported and disturbs nobody. */
export class Events {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>();
  readonly #onFault: (name: EventName, fault: unknown) => void;

  /** @param onFault is told of a listener that threw. */
  constructor(onFault: (name: EventName, fault: unknown) => void) {
    this.#onFault = onFault;
  }

  /** Returns the function that takes the listener away again. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  emit<Name extends EventName>(name: Name, event: DaemonEvents[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as Listener<Name>)(event);
      } catch (fault) {
        this.#onFault(name, fault);
      }
    }
  }
}
