import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Brood } from './brood.ts';
import type { BackendChild } from './child.ts';
import type { RunExecution } from './execution.ts';
import type { Life } from './host.ts';
import type { PolicyLife } from './policy-life.ts';
import { RunQueue } from './run-queue.ts';

const GONE = 'the process that its policy was set up in has ended';

/** In which children of a pool policies live, and the runs that wait to be where their policy is. */
export class Homes {
  readonly #brood: Brood;
  readonly #clock: Clock;
  readonly #children = new Map<Life, BackendChild>();
  readonly #waiting = new Map<BackendChild, RunQueue>();
  /** No child was looked for yet. */
  #homeless: PolicyLife[] = [];
  #searches = 0;

  constructor(brood: Brood, clock: Clock) {
    this.#brood = brood;
    this.#clock = clock;
  }

  /** A policy waits for {@link find}. */
  setUp(life: PolicyLife): void {
    this.#homeless.push(life);
  }

  /** True while a policy waits for a child. */
  get areWanted(): boolean {
    return this.#searches > 0 || this.#homeless.some((life) => !life.isOver);
  }

  /** Looks for a child for each policy that waits. */
  find(): void {
    for (const life of this.#homeless.splice(0)) if (!life.isOver) void this.#house(life);
  }

  /** Takes a run of a policy that lives here. */
  run(run: RunExecution, life: Life): void {
    const child = this.#children.get(life);
    if (child === undefined || child.isEnding) {
      run.settle({ kind: 'crashed', reason: GONE, innocent: true });
      return;
    }
    const queue = this.#waiting.get(child) ?? new RunQueue();
    this.#waiting.set(child, queue);
    queue.push(run);
    this.handOut(child);
  }

  /** The child may have time for runs that wait for it. */
  handOut(child: BackendChild): void {
    const queue = this.#waiting.get(child);
    for (let run = queue?.first(); run !== undefined; run = queue?.first()) {
      if (child.isEnding) run.settle({ kind: 'crashed', reason: GONE, innocent: true });
      else if (child.work.window.isOpen && child.keepsUp) child.work.start(run);
      else return;
      queue?.take();
    }
    this.#waiting.delete(child);
  }

  /** Ends what waits. */
  stop(): void {
    for (const life of this.#homeless.splice(0)) life.end(0);
    for (const queue of this.#waiting.values()) for (const run of queue.all()) run.cancel(0);
  }

  async #house(life: PolicyLife): Promise<void> {
    this.#searches++;
    try {
      const child = await this.#homeFor(life);
      if (!life.isOver) this.#moveIn(life, child);
    } catch (error) {
      life.settle({ kind: 'failed', reason: messageOf(error), guilty: false });
    } finally {
      this.#searches--;
    }
  }

  #moveIn(life: PolicyLife, child: BackendChild): void {
    this.#children.set(life, child);
    void life.ended.then(() => this.#children.delete(life));
    child.work.setUp(life);
  }

  async #homeFor({ request }: PolicyLife): Promise<BackendChild> {
    const now = this.#clock.monotonic();
    const suits = (child: BackendChild): boolean =>
      child.keepsUp && child.isQuick(now) && !(request.apart && child.work.lives.size > 0);
    const ready = this.#brood.leastBusy(suits);
    if (ready !== undefined) return ready;
    const any = this.#brood.mayGrow(now) ? undefined : this.#brood.leastBusy((child) => child.keepsUp);
    return any ?? (await this.#brood.newChild());
  }
}
