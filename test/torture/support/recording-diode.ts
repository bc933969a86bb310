import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { FakeDiode } from '../../support/fake-diode.ts';
import { decodeIngest } from '../../support/fake-diode-decode.ts';
import type { GrpcFault } from '../../support/fake-diode-faults.ts';
import { ingestReplyWithErrors } from '../../support/fake-diode-wire.ts';

/** `deaf`: takes what it gets and cuts the connection before it has said so; `strict`: takes small requests only. */
export type Mood = 'well' | 'slow' | 'deaf' | 'strict' | 'unavailable' | 'silent' | 'gone';
export const MOODS: readonly Mood[] = ['well', 'slow', 'deaf', 'strict', 'unavailable', 'silent', 'gone'];

/** How it says that it will not have some entities: see `test/delivery/picky-receiver.ts`. */
export type Manner = 'named' | 'first' | 'unnamed';
export const MANNERS: readonly Manner[] = ['named', 'first', 'unnamed'];

/** A request id: what came under it, and what of that was taken. */
export interface Recorded {
  readonly id: string;
  readonly runId: string;
  readonly digest: string;
  readonly names: readonly string[];
  /** undefined: nothing of it was ever taken. */
  taken: ReadonlySet<string> | undefined;
  times: number;
}

/** Requests of one entity are always smaller. */
const STRICT_BYTES = 300_000;

/**
 * A Diode that keeps a record of every request id and outlives the daemon. It will not have entities whose names end with `!`; what it has taken
 * it answers in the same way when it comes again.
 */
export class RecordingDiode implements AsyncDisposable {
  readonly requests = new Map<string, Recorded>();
  /** What no Diode should see. */
  readonly faults: string[] = [];
  mood: Mood = 'well';
  manner: Manner = 'named';
  slownessMs = 0;
  readonly #diode: FakeDiode;
  readonly #answers = new Map<string, GrpcFault>();

  private constructor(diode: FakeDiode) {
    this.#diode = diode;
    diode.ingest.failWhere((request) => this.#judge(request));
  }

  static async start(): Promise<RecordingDiode> {
    return new RecordingDiode(await FakeDiode.start({ keepRequests: false }));
  }

  get target(): string {
    return this.#diode.target;
  }

  async become(mood: Mood): Promise<void> {
    const before = this.mood;
    this.mood = mood;
    if (mood === 'gone') await this.#diode.stop();
    else if (before === 'gone') await this.#diode.restart();
    // Who was kept waiting learns that there is nothing to wait for.
    else if (before === 'silent') this.#diode.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#diode[Symbol.asyncDispose]();
  }

  #judge(request: Buffer): GrpcFault {
    const recorded = this.#record(request);
    if (this.mood === 'silent') return 'hang';
    if (this.mood === 'unavailable') return { status: status.UNAVAILABLE, message: 'away for a while' };
    const answer = this.#answers.get(recorded.id) ?? this.#receive(recorded, request);
    if (this.mood === 'deaf') return 'disconnect';
    return this.mood === 'slow' ? { afterMs: this.slownessMs, answer } : answer;
  }

  #record(request: Buffer): Recorded {
    const { id, metadata, entities = [] } = decodeIngest(request);
    const digest = createHash('sha256').update(request).digest('hex');
    const known = this.requests.get(id);
    const recorded = known ?? {
      id,
      runId: String(metadata.run_id),
      digest,
      names: entities.map(nameOf),
      taken: undefined,
      times: 0,
    };
    if (recorded.digest !== digest) this.faults.push(`request ${id} came again with other bytes`);
    recorded.times += 1;
    this.requests.set(id, recorded);
    return recorded;
  }

  #receive(recorded: Recorded, request: Buffer): GrpcFault {
    const { id, names } = recorded;
    if (this.mood === 'strict' && request.length > STRICT_BYTES) {
      return { status: status.RESOURCE_EXHAUSTED, message: 'grpc: received message larger than max' };
    }
    const bad = names.flatMap((name, index) => (isBad(name) ? [index] : []));
    if (bad.length > 0 && this.manner !== 'named') return refusal(this.manner, bad);
    recorded.taken = new Set(names.filter((name) => !isBad(name)));
    const answer = { reply: ingestReplyWithErrors(bad.map((index) => `entity at index ${index} is bad`)) };
    this.#answers.set(id, answer);
    return answer;
  }
}

export function isBad(name: string): boolean {
  return name.endsWith('!');
}

function refusal(manner: Manner, [first = 0]: readonly number[]): GrpcFault {
  const words = manner === 'first' ? `entity at index ${first} is bad` : 'something in there is bad';
  return { status: status.INVALID_ARGUMENT, message: words };
}

function nameOf({ device }: Record<string, unknown>): string {
  return typeof device === 'object' && device !== null && 'name' in device ? String(device.name) : '';
}
