import type { Clock, Timer } from '../../src/clock.ts';
import { type Batch, type Sink, SinkError, type SinkHealth } from '../../src/sink/contract.ts';
import { readFields } from '../../src/sink/protobuf.ts';
import { inRoom } from '../sink/support.ts';
import { lengthDelimited } from '../support/fake-diode-wire.ts';
import { unavailable } from './support.ts';

/** How a receiver says that it does not want some entities. */
export type Refusing =
  /** Names them, and takes all others. */
  | 'named'
  /** Names the first, and takes none. */
  | 'first'
  /** Takes none and says nothing of which. */
  | 'unnamed';

/** `away`: takes nothing; `deaf`: takes it, but nobody hears its answer. */
export type Mood = 'well' | 'away' | 'deaf';

export interface Manners {
  readonly refusing?: Refusing;
  /** Bytes of a batch. */
  readonly largest?: number;
  /** Its mood, call by call; `well` after that. */
  readonly moods?: readonly Mood[];
}

/** A receiver that does not want entities whose names begin with `bad`, and drops what comes again under a request id. */
export class PickyReceiver implements Sink {
  readonly encoding = 'diode';
  /** The names of what it has taken, in order. */
  readonly taken: string[] = [];
  readonly calls: { readonly id: string; readonly names: readonly string[] }[] = [];
  readonly #manners: Manners;
  /** What it answered to each request id. */
  readonly #answers = new Map<string, SinkError | undefined>();

  constructor(manners: Manners) {
    this.#manners = manners;
  }

  async start(): Promise<void> {}

  async send({ id, bytes }: Batch): Promise<void> {
    const mood = this.#manners.moods?.[this.calls.length] ?? 'well';
    const names = namesIn(bytes);
    this.calls.push({ id, names });
    if (mood === 'away') throw unavailable('away');
    if (!this.#answers.has(id)) this.#answers.set(id, this.#receive(names, bytes.length));
    const answer = this.#answers.get(id);
    if (mood === 'deaf') throw unavailable('the connection was reset');
    if (answer) throw answer;
  }

  health(): SinkHealth {
    return { ok: true, reason: '' };
  }

  async close(): Promise<void> {}

  #receive(names: readonly string[], size: number): SinkError | undefined {
    const { refusing = 'named', largest = Number.POSITIVE_INFINITY } = this.#manners;
    if (size > largest) return new SinkError('rejected', 'larger than max', { refusal: { of: 'size' } });
    const bad = names.flatMap((name, index) => (isBad(name) ? [{ index, words: `${name} is bad` }] : []));
    const [first] = bad;
    if (first === undefined || refusing === 'named') this.taken.push(...names.filter((name) => !isBad(name)));
    if (first === undefined) return undefined;
    if (refusing === 'unnamed') return new SinkError('rejected', `${bad.length} are bad`);
    const entities = refusing === 'named' ? bad : [first];
    return new SinkError('rejected', `${first.words} and so on`, {
      refusal: { of: 'named', entities, othersTaken: refusing === 'named' },
    });
  }
}

function isBad(name: string): boolean {
  return name.startsWith('bad');
}

/** A batch of entities that are nothing but names, in memory of its own as those are that come from children. */
export function batchOfNames(
  names: readonly string[],
  runId: string,
  id: string = crypto.randomUUID(),
): Batch {
  const run = { runId, policyName: 'edge', backend: 'b', appName: 'a', appVersion: '1' };
  const bytes = Buffer.concat(names.map((name) => lengthDelimited(2, Buffer.from(name))));
  return inRoom({ id, run, entityCount: names.length, bytes });
}

export function namesIn(bytes: Buffer): string[] {
  return Array.from(readFields(bytes), ({ value }) => String(value));
}

/** A clock for those who do not care how long things take: whoever waits has waited. */
export class HastyClock implements Clock {
  #elapsed = 0;

  now(): number {
    return Date.UTC(2026, 0, 1) + Math.floor(this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  idled(): number {
    return this.#elapsed;
  }

  at(epochMs: number, callback: () => void): Timer {
    return this.after(epochMs - this.now(), callback);
  }

  after(delayMs: number, callback: () => void): Timer {
    const handle = setImmediate(() => {
      this.#elapsed += delayMs;
      callback();
    });
    return { cancel: () => clearImmediate(handle) };
  }
}
