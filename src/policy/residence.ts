import type { Logger } from 'pino';
import type { Ingest, Life, LifeEnd, LifeHandlers, RunRequest } from '../backend/host.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { redactorOf } from '../redact.ts';
import type { BesideSchedule, RunnablePolicy } from '../run/contract.ts';
import { logModuleOf } from '../run/log-module.ts';
import { reasonOf } from '../run/reason.ts';

export interface ResidenceParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly coordinator: BesideSchedule;
  readonly policies: {
    /** Is told why the policy cannot work, and with undefined that nothing is wrong any more. */
    noteFault(policy: RunnablePolicy, reason: string | undefined): void;
  };
}

/** Why a policy is not set up, and when that is tried again (epoch ms). */
export interface SetupFault {
  readonly reason: string;
  readonly retryAt: number;
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 300_000;
/** A policy that was up for so long begins its retries anew. */
const LONG_ENOUGH_MS = 60_000;
/** What `teardown` gets when another version or another policy takes over. */
export const TAKE_OVER_GRACE_MS = 5_000;

/**
 * Keeps a policy set up in a child as long as it lives: again when that child is gone, or another version of its
 * package takes over. A backend without `setup` leaves it empty.
 */
export class Residence implements LifeHandlers {
  readonly #policy: RunnablePolicy;
  readonly #parts: ResidenceParts;
  #life: Life | undefined;
  #isUp = false;
  #isOver = false;
  #upSince = 0;
  /** In a row. */
  #failures = 0;
  #needsRoom = false;
  #fault: SetupFault | undefined;
  #retry: Timer | undefined;
  /** What has to be torn down before. */
  #before: Promise<unknown> | undefined;
  #turns = 0;
  #settling: PromiseWithResolvers<void> | undefined;

  constructor(policy: RunnablePolicy, parts: ResidenceParts) {
    this.#policy = policy;
    this.#parts = parts;
  }

  /** Why it is not set up, since the last try; undefined while nothing is wrong. */
  get fault(): SetupFault | undefined {
    return this.#fault;
  }

  /** Where the policy's runs have to be. Throws an `Error` with the reason when it is set up nowhere. */
  home(): Life | undefined {
    if (this.#isUp || this.#policy.lease.setUp === undefined) return this.#life;
    throw new Error(this.#fault?.reason ?? 'its policy is not set up');
  }

  /** Resolves when it is up, or will not be for a while; undefined when that is known. Never rejects. */
  whenSettled(): Promise<void> | undefined {
    return this.#settling?.promise;
  }

  /** @param after when what was there before is torn down. */
  begin(after: Promise<unknown> | undefined): void {
    if (this.#policy.lease.setUp === undefined && after === undefined) return;
    this.#settling ??= Promise.withResolvers();
    const turn = ++this.#turns;
    this.#before = Promise.all([this.#before, after]);
    void this.#before.then(() => {
      if (turn === this.#turns) this.#setUp();
    });
  }

  /** The policy's package has another version now. */
  move(): void {
    if (this.#isOver) return;
    const old = this.#life;
    this.#forget();
    this.#failures = 0;
    this.#needsRoom = false;
    this.#note(undefined);
    old?.end(TAKE_OVER_GRACE_MS);
    this.begin(old?.ended);
  }

  /** Tears it down for good; resolves when that is over, after `graceMs` at the latest plus the time to end a process. */
  async end(graceMs: number): Promise<void> {
    this.#isOver = true;
    this.#retry?.cancel();
    this.#settle();
    this.#life?.end(graceMs);
    await this.#life?.ended;
  }

  up(): void {
    if (this.#failures > 0) this.#say('info', 'set up again');
    this.#isUp = true;
    this.#upSince = this.#parts.clock.monotonic();
    this.#note(undefined);
    this.#settle();
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    const { name, secrets, lease } = this.#policy;
    const backend = lease.description.name;
    this.#parts.log[level](
      { module: logModuleOf(backend), policy: name, backend },
      redactorOf(secrets)(message),
    );
  }

  ingest(begin: (request: RunRequest) => Ingest): void {
    this.#parts.coordinator.ingest(this.#policy, begin);
  }

  recordFailure(reason: string): void {
    this.#parts.coordinator.recordFailure(this.#policy, reason);
  }

  #setUp(): void {
    if (this.#isOver) return;
    const { lease, runName: policyName, payload } = this.#policy;
    this.#settling ??= Promise.withResolvers();
    try {
      const life = lease.setUp?.({ policyName, payload, apart: this.#needsRoom, handlers: this });
      this.#life = life;
      if (life === undefined) this.#settle();
      else void life.ended.then((end) => this.#ended(life, end));
    } catch (fault) {
      this.#tryAgain(messageOf(fault));
    }
  }

  /** Another one may have taken its place by then. */
  #ended(life: Life, end: LifeEnd): void {
    if (life !== this.#life || this.#isOver || end.kind === 'ended') return;
    const { clock } = this.#parts;
    const wasUp = this.#isUp;
    if (wasUp && clock.monotonic() - this.#upSince >= LONG_ENOUGH_MS) this.#failures = 0;
    this.#forget();
    const reason = end.kind === 'failed' ? end.reason : 'its process was to take nothing more';
    this.#needsRoom = end.kind === 'failed' && end.guilty;
    // What was up and came down by no fault of its own is set up again at once.
    if (wasUp && !this.#needsRoom && this.#failures++ === 0) {
      this.#say('warn', `${this.#cleaned(reason)}; it is set up again`);
      this.#setUp();
    } else this.#tryAgain(reason);
  }

  #tryAgain(text: string): void {
    const { clock } = this.#parts;
    const delayMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, LONGEST_BACKOFF_MS);
    const reason = this.#cleaned(text);
    this.#note({ reason, retryAt: clock.now() + delayMs });
    this.#say('error', `${reason}; tried again in ${delayMs / 1_000} s`);
    this.#retry = clock.after(delayMs, () => this.#setUp());
    this.#settle();
  }

  #say(level: 'info' | 'warn' | 'error', message: string): void {
    const { name, runName } = this.#policy;
    this.#parts.log[level]({ module: 'worker.policy.runner', policy: name }, `Policy ${runName}: ${message}`);
  }

  #cleaned(text: string): string {
    return reasonOf(text, redactorOf(this.#policy.secrets));
  }

  #note(fault: SetupFault | undefined): void {
    this.#fault = fault;
    this.#parts.policies.noteFault(this.#policy, fault?.reason);
  }

  #forget(): void {
    this.#retry?.cancel();
    this.#life = undefined;
    this.#isUp = false;
  }

  #settle(): void {
    this.#settling?.resolve();
    this.#settling = undefined;
  }
}
