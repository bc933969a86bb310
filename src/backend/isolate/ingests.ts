import type { PolicyContext } from '../contract.ts';
import { INGEST_RATE, MOST_INGESTS } from '../messages.ts';
import { RateLimit } from '../rate.ts';
import { type CallParts, IngestCall } from './ingest-call.ts';
import type { IngestCalls } from './ingest-calls.ts';
import { clearTimeout, now, setTimeout } from './natives.ts';
import { isIterable, kindOf } from './take-all.ts';

/** Calls that may wait for their turn. */
const MOST_WAITING = 10_000;

const TOO_MANY = `${MOST_WAITING} calls of ingest wait already: wait for some of them before the next`;

export interface IngestsOptions extends CallParts {
  readonly calls: IngestCalls;
  /** The number of the run or life that they belong to. */
  readonly owner: number;
}

/** The calls of `ingest` of one run or life: some go on side by side, the others wait for their turn. */
export class Ingests {
  readonly #options: IngestsOptions;
  readonly #rate = new RateLimit(INGEST_RATE, now());
  #waiting: IngestCall[] = [];
  #underWay = 0;
  /** Why no more may come. */
  #refusal: string | undefined;
  #turn: NodeJS.Timeout | undefined;

  constructor(options: IngestsOptions) {
    this.#options = options;
  }

  readonly ingest: PolicyContext['ingest'] = (entities: unknown) => {
    if (this.#refusal !== undefined) return Promise.reject(new Error(this.#refusal));
    if (!isIterable(entities)) {
      const expected = 'expected entities: a list or an iterable';
      return Promise.reject(new TypeError(`ingest() was given ${kindOf(entities)}, ${expected}`));
    }
    if (this.#waiting.length >= MOST_WAITING) return Promise.reject(new Error(TOO_MANY));
    const call = new IngestCall(entities, this.#options);
    this.#waiting.push(call);
    this.#askForSome();
    return call.promise;
  };

  /** The run or life is over: calls that wait for their turn are refused, those under way go on. */
  end(reason: string): void {
    this.#refusal = reason;
    clearTimeout(this.#turn);
    for (const call of this.#waiting.splice(0)) call.fail(new Error(reason));
  }

  #askForSome(): void {
    while (this.#waiting.length > 0 && this.#underWay < MOST_INGESTS && this.#turn === undefined) {
      if (this.#rate.take(now())) this.#askForNext();
      else this.#turn = setTimeout(() => this.#nextTurn(), 1_000 / INGEST_RATE.perSecond);
    }
  }

  #nextTurn(): void {
    this.#turn = undefined;
    this.#askForSome();
  }

  #askForNext(): void {
    const call = this.#waiting.shift();
    if (call === undefined) return;
    this.#underWay++;
    call.onOver = () => {
      this.#underWay--;
      this.#askForSome();
    };
    this.#options.calls.ask(this.#options.owner, call);
  }
}
