import type { Clock, Timer } from '../clock.ts';
import type { RetryRule, RunnablePolicy } from './contract.ts';
import type { Run } from './run.ts';

const LONGEST_BACKOFF_MS = 3_600_000;

/**
 * When a run that failed for a passing reason is run again (epoch ms); undefined when its policy has no retries left, or
 * its backend has begun it by itself.
 */
export function retryAtOf(
  { retries, trigger }: Readonly<Run>,
  rule: RetryRule,
  now: number,
): number | undefined {
  if (retries >= rule.times || trigger === 'ingest') return undefined;
  const longestMs = Math.max(LONGEST_BACKOFF_MS, rule.backoffMs);
  return now + Math.min(rule.backoffMs * 2 ** retries, longestMs);
}

/** Runs that wait to be run again. */
export class Retries {
  readonly #clock: Clock;
  readonly #repeat: (policy: RunnablePolicy, run: Readonly<Run>) => void;
  readonly #timers = new Map<RunnablePolicy, Set<Timer>>();

  /** @param repeat is called for each run when its time has come. */
  constructor(clock: Clock, repeat: (policy: RunnablePolicy, run: Readonly<Run>) => void) {
    this.#clock = clock;
    this.#repeat = repeat;
  }

  /** @param at epoch ms. */
  add(policy: RunnablePolicy, run: Readonly<Run>, at: number): void {
    const timers = this.#timers.get(policy) ?? new Set();
    this.#timers.set(policy, timers);
    const timer = this.#clock.after(at - this.#clock.now(), () => {
      timers.delete(timer);
      if (timers.size === 0) this.#timers.delete(policy);
      this.#repeat(policy, run);
    });
    timers.add(timer);
  }

  /** There will be none of this policy. */
  dropOf(policy: RunnablePolicy): void {
    for (const timer of this.#timers.get(policy) ?? []) timer.cancel();
    this.#timers.delete(policy);
  }

  dropAll(): void {
    for (const policy of this.#timers.keys()) this.dropOf(policy);
  }
}
