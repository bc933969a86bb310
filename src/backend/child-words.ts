import type { Logger } from 'pino';
import type { Redact } from '../redact.ts';
import type { ChildWork } from './child-work.ts';
import type { RunExecution } from './execution.ts';
import { BATCH_HEADER, FrameError, type FrameKind, MAX_CONTROL_BYTES } from './frames.ts';
import type { FromChild } from './messages.ts';
import type { PolicyLife } from './policy-life.ts';
import { type Introduction, QuestionError, type Questions } from './questions.ts';
import { readMessage } from './read-message.ts';

const RETURNED = { kind: 'returned' } as const;

/** Messages that belong to no run or question which a child may send in its life: honest ones send very few. */
const MOST_STRAYS = 1_000;

/** What a child's words may concern. */
export interface WordsOptions {
  readonly work: ChildWork;
  readonly questions: Questions;
  readonly log: () => Logger;
  readonly redact: Redact;
  /** A run has come to its end, whatever end. */
  readonly runEnded: () => void;
  /** Code of this run, or of nobody knows which, is about to end the process. */
  readonly leaving: (run: number | null) => void;
  readonly spoilt: (by: string) => void;
  /** Something was thrown where nobody could catch it; `text` is clean. */
  readonly threw: (run: number | null, text: string) => void;
}

/** Hears what one child says, trusts nothing of it, and tells whom it concerns. Throws a {@link FrameError} for a lie. */
export class ChildWords {
  readonly #options: WordsOptions;
  #strays = 0;

  constructor(options: WordsOptions) {
    this.#options = options;
  }

  /** The longest body that a frame of this kind may have now. */
  limitOf(kind: FrameKind): number {
    if (kind === 'control') return MAX_CONTROL_BYTES;
    if (kind !== 'batch') return -1;
    let limit = -1;
    for (const run of this.#options.work.runs.values()) limit = Math.max(limit, run.allowance);
    return limit;
  }

  take(kind: FrameKind, body: Buffer): void {
    if (kind === 'control') {
      this.#obey(readMessage(body));
      return;
    }
    if (body.length < BATCH_HEADER) throw new FrameError('a batch frame without its head');
    this.#run(body.readUInt32BE(0))?.batch(body.readUInt32BE(4), body.subarray(BATCH_HEADER));
  }

  #obey(message: FromChild): void {
    const { work, redact, questions } = this.#options;
    switch (message.type) {
      case 'entered':
        for (const run of message.runs) this.#run(run)?.entered();
        break;
      case 'turned':
        work.turned(message.runs);
        break;
      case 'returned':
        for (const run of message.runs) this.#run(run)?.ended(RETURNED);
        this.#options.runEnded();
        break;
      case 'failed':
        this.#run(message.run)?.ended({ kind: 'failed', reason: redact(message.reason) });
        this.#options.runEnded();
        break;
      case 'cancelled':
        this.#run(message.run)?.ended({ kind: 'cancelled', cutOff: false });
        this.#options.runEnded();
        break;
      case 'offer':
        this.#run(message.run)?.offer(message.bytes);
        break;
      case 'progress':
        this.#run(message.run)?.progress(message.done, message.total);
        break;
      case 'log':
        this.#owner(message.run)?.log(message.level, redact(message.message));
        break;
      case 'ingest':
        work.ingest(this.#owner(message.run), message.id);
        break;
      case 'failure':
        this.#owner(message.run)?.recordFailure(redact(message.reason));
        break;
      case 'up':
        this.#life(message.life).up();
        break;
      case 'down':
        this.#life(message.life).down(message.reason && redact(message.reason));
        break;
      case 'asked':
        questions.wasRead(message.id);
        break;
      case 'loaded':
        questions.answer(message.id, { kind: 'loaded', value: undefined });
        break;
      case 'described':
        questions.answer(message.id, { kind: 'described', value: introductionIn(message) });
        break;
      case 'checked':
        questions.answer(message.id, { kind: 'checked', value: message.findings });
        break;
      case 'unusable':
        this.#unusable(message);
        break;
      case 'declined':
        questions.decline(
          message.id,
          new QuestionError(redact(message.reason), message.thrown ? 'thrown' : 'fault'),
        );
        break;
      case 'pong':
        break;
      default:
        this.#countStray();
        this.#obeyStray(message);
    }
  }

  /** What concerns the process as a whole. */
  #obeyStray(message: Extract<FromChild, { type: 'leaving' | 'spoilt' | 'threw' }>): void {
    const { leaving, spoilt, threw, redact } = this.#options;
    if (message.type === 'leaving') leaving(message.run);
    else if (message.type === 'spoilt') spoilt(message.by);
    else threw(message.run, redact(message.message));
  }

  #unusable({ id, reason, detail }: Extract<FromChild, { type: 'unusable' }>): void {
    const { log, redact, questions } = this.#options;
    questions.decline(id, new QuestionError(redact(reason)));
    log().warn({ detail: redact(detail) }, redact(`The package cannot be used: ${reason}`));
  }

  #countStray(): void {
    if (++this.#strays > MOST_STRAYS) throw new FrameError('too many messages that concern no run');
  }

  /** undefined for one that was taken back: what the child says of it comes too late. */
  #run(number: number): RunExecution | undefined {
    const { work } = this.#options;
    const run = work.runs.get(number);
    if (run === undefined && !work.hasTakenBack(number))
      throw new FrameError('a message about a run that it does not have');
    return run;
  }

  #life(number: number): PolicyLife {
    const life = this.#options.work.lives.get(number);
    if (life === undefined) throw new FrameError('a message about a policy that does not live in it');
    return life;
  }

  #owner(number: number): RunExecution | PolicyLife | undefined {
    return this.#options.work.lives.get(number) ?? this.#run(number);
  }
}

function introductionIn({
  description,
  isResident,
}: Extract<FromChild, { type: 'described' }>): Introduction {
  return { description, isResident };
}
