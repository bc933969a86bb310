import type { PolicyContext, PolicyInput } from '../contract.ts';
import type { WorkForChild } from '../messages.ts';
import { type CodeOwner, currentOwner } from './code-owner.ts';
import { deepFreeze } from './freeze.ts';
import { Ingests } from './ingests.ts';
import type { IsolateParts } from './isolate-parts.ts';
import { Reports } from './reports.ts';
import { readSoundPolicy, type WrittenPolicy } from './schemas.ts';
import { textOf } from './thrown.ts';

type SetupMessage = Extract<WorkForChild, { type: 'setup' }>;

const OVER = 'the policy is over: it takes no more entities';

/** One policy in the child, from `setup` to `teardown`. */
export class IsolateLife implements CodeOwner {
  readonly number: number;
  readonly #parts: IsolateParts;
  readonly #controller = new AbortController();
  readonly #reports: Reports;
  readonly #ingests: Ingests;
  readonly #context: PolicyContext;
  readonly #onEnd: () => void;
  #policy: PolicyInput | undefined;
  #settingUp: Promise<boolean> = Promise.resolve(false);
  #isEnding = false;

  constructor({ life, policyName }: SetupMessage, parts: IsolateParts, onEnd: () => void) {
    this.number = life;
    this.#parts = parts;
    this.#onEnd = onEnd;
    this.#reports = new Reports(parts.channel, life);
    const { log, recordFailure } = this.#reports;
    this.#ingests = new Ingests({ ...parts, owner: life, warn: log.warn });
    const { signal } = this.#controller;
    this.#context = Object.freeze({
      policyName,
      signal,
      log,
      recordFailure,
      ingest: this.#ingests.ingest,
    });
  }

  /** Calls `setup` and tells the daemon how that was; never rejects. */
  async setUp(written: WrittenPolicy): Promise<void> {
    this.#settingUp = currentOwner.run(this, () => this.#trySetUp(written));
    await this.#settingUp;
  }

  /** Calls `teardown`, once `setup` has returned, and tells the daemon when it is through; never rejects. */
  async tearDown(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    currentOwner.run(this, () => this.#controller.abort());
    const isUp = await this.#settingUp;
    const reason = isUp ? await currentOwner.run(this, () => this.#tryTearDown()) : null;
    this.#end(reason);
  }

  /** The daemon will ask for its end. */
  abandon(): void {}

  /** Resolves with whether there is anything to be torn down. */
  async #trySetUp(written: WrittenPolicy): Promise<boolean> {
    const { backend, channel } = this.#parts;
    try {
      this.#policy = deepFreeze(await readSoundPolicy(backend, written));
      await backend.setup?.(this.#policy, this.#context);
      channel.send({ type: 'up', life: this.number });
      return true;
    } catch (thrown) {
      if (!this.#isEnding) this.#end(textOf(thrown));
      return false;
    }
  }

  /** Resolves with what it threw, null for nothing. */
  async #tryTearDown(): Promise<string | null> {
    if (this.#policy === undefined) return null;
    try {
      await this.#parts.backend.teardown?.(this.#policy, this.#context);
      return null;
    } catch (thrown) {
      return textOf(thrown);
    }
  }

  #end(reason: string | null): void {
    this.#isEnding = true;
    currentOwner.run(this, () => this.#controller.abort());
    this.#ingests.end(OVER);
    this.#reports.finish();
    this.#parts.channel.send({ type: 'down', life: this.number, reason });
    this.#onEnd();
  }
}
