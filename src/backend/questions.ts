import type { Clock } from '../clock.ts';
import type { Description } from './contract.ts';
import { FrameError } from './frames.ts';
import type { SchemaFinding } from './host.ts';
import { QUICK_MS } from './window.ts';

/** A question that a child did not answer, and why. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError';
  /** What went wrong: the backend threw, and the text is its own; the child went down for another's sake; anything else. */
  readonly kind: 'thrown' | 'lost' | 'fault';

  constructor(reason: string, kind: QuestionError['kind'] = 'fault') {
    super(reason);
    this.kind = kind;
  }
}

/** How a backend introduces itself, and whether policies live in its children. */
export interface Introduction {
  readonly description: Description;
  readonly isResident: boolean;
}

/** What a child can be asked, by the message that answers it. */
interface Answers {
  loaded: undefined;
  described: Introduction;
  checked: readonly SchemaFinding[];
}

type Answer = { [Kind in keyof Answers]: { kind: Kind; value: Answers[Kind] } }[keyof Answers];

interface Question {
  readonly askedAt: number;
  /** Whether the child has come to it. */
  wasRead: boolean;
  readonly answer: (answer: Answer) => void;
  readonly reject: (error: QuestionError) => void;
}

/** Longest wait for an import, a description, a check. */
const ANSWER_WITHIN_MS = 10_000;

/** A child that has not answered a question by then may never do that. */
export const SOON_MS = 2_000;

/** What one child was asked and has not answered yet. */
export class Questions {
  readonly #clock: Clock;
  readonly #onLate: (reason: string, wasRead: boolean) => void;
  readonly #open = new Map<number, Question>();
  #last = 0;

  /** @param onLate is told what was not answered in time, and whether the child has come to it. */
  constructor(clock: Clock, onLate: (reason: string, wasRead: boolean) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /**
   * Resolves with the answer; rejects with a {@link QuestionError}.
   *
   * @param whose what is waited for, in words.
   * @param send sends the question under the number it is given.
   */
  async ask<Kind extends keyof Answers>(
    kind: Kind,
    whose: string,
    send: (id: number) => void,
  ): Promise<Answers[Kind]> {
    const id = ++this.#last;
    const tooLate = `${whose} took longer than ${ANSWER_WITHIN_MS / 1_000} s`;
    const limit = this.#clock.after(ANSWER_WITHIN_MS, () => this.#giveUp(id, tooLate));
    try {
      return await new Promise((resolve, reject) => {
        const answer = (given: Answer): void => {
          if (given.kind !== kind) throw new FrameError('an answer to another question');
          resolve(given.value as Answers[Kind]);
        };
        this.#open.set(id, { askedAt: this.#clock.monotonic(), wasRead: false, answer, reject });
        send(id);
      });
    } finally {
      limit.cancel();
    }
  }

  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** True when none of them is open for long. */
  areQuick(now: number): boolean {
    return this.#openFor(now) < QUICK_MS;
  }

  /** True when one is open for so long that it may never be answered. */
  areStuck(now: number): boolean {
    return this.#openFor(now) >= SOON_MS;
  }

  /** The child has come to it. Throws a {@link FrameError} when nobody asked for this. */
  wasRead(id: number): void {
    this.#get(id).wasRead = true;
  }

  /** Throws a {@link FrameError} when nobody asked for this. */
  answer(id: number, answer: Answer): void {
    this.#take(id).answer(answer);
  }

  /** Throws a {@link FrameError} when nobody asked for this. */
  decline(id: number, error: QuestionError): void {
    this.#take(id).reject(error);
  }

  declineAll(error: QuestionError): void {
    for (const question of this.#open.values()) question.reject(error);
    this.#open.clear();
  }

  /** Its answer may still come. */
  #giveUp(id: number, tooLate: string): void {
    const { reject, wasRead } = this.#get(id);
    reject(new QuestionError(tooLate));
    this.#onLate(tooLate, wasRead);
  }

  #take(id: number): Question {
    const question = this.#get(id);
    this.#open.delete(id);
    return question;
  }

  #get(id: number): Question {
    const question = this.#open.get(id);
    if (question === undefined) throw new FrameError('an answer to no question');
    return question;
  }

  /** How long the oldest of them waits for its answer, ms; 0 without any. */
  #openFor(now: number): number {
    const [oldest] = this.#open.values();
    return oldest === undefined ? 0 : now - oldest.askedAt;
  }
}
