// A Diode in a process of its own, which decodes what it got when it is asked.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tuneHeap } from '../../../src/tune-heap.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { decodeIngest } from '../../support/fake-diode-decode.ts';

/** Of the requests that arrived, one in so many is decoded; the entities of all are counted on the wire. */
const DECODED_OF = 10;

interface Arrivals {
  readonly entities: number;
  readonly bytes: number;
  /** When the first and the last request had come in, epoch ms. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Names of the devices in the requests that were decoded. */
  readonly names: readonly string[];
}

type Question = 'arrived' | 'collect';

/** The receiver as benches see it. */
export class Receiver implements AsyncDisposable {
  readonly target: string;
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, target: string) {
    this.#process = process;
    this.pid = process.pid ?? 0;
    this.target = target;
  }

  static async start(): Promise<Receiver> {
    const child = fork(import.meta.filename);
    const [target] = await once(child, 'message');
    return new Receiver(child, String(target));
  }

  /** How many entities were acknowledged since the last {@link collect}. */
  arrived(): Promise<number> {
    return this.#ask('arrived');
  }

  /** Decodes what came since the last time, and forgets it. Rejects when one of `entities` is missing or is another. */
  async collect(entities: number, isExpected: (name: string) => boolean): Promise<Arrivals> {
    const arrivals = await this.#ask<Arrivals>('collect');
    if (arrivals.entities !== entities) {
      throw new Error(`${arrivals.entities} entities arrived, not ${entities}`);
    }
    const wrong = arrivals.names.find((name) => !isExpected(name));
    if (wrong !== undefined || arrivals.names.length === 0) {
      throw new Error(`what arrived is not what was sent: ${wrong}`);
    }
    return arrivals;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  async #ask<Reply>(question: Question): Promise<Reply> {
    this.#process.send(question);
    const [reply] = await once(this.#process, 'message');
    return reply as Reply;
  }
}

async function serve(): Promise<void> {
  // It shares the processors with what is measured, and would spend half of its time on garbage.
  tuneHeap();
  const diode = await FakeDiode.start();
  let before = 0;
  process.on('message', (question: Question) => {
    const entities = diode.acknowledged.entities - before;
    if (question === 'arrived') {
      process.send?.(entities);
      return;
    }
    before = diode.acknowledged.entities;
    process.send?.(takeArrivals(diode, entities));
  });
  process.on('disconnect', () => void diode.stop());
  process.send?.(diode.target);
}

function takeArrivals(diode: FakeDiode, entities: number): Arrivals {
  const requests = diode.requests.splice(0);
  const decoded = requests.filter((_, index) => index % DECODED_OF === 0 || index === requests.length - 1);
  return {
    entities,
    bytes: requests.reduce((sum, { bytes }) => sum + bytes.length, 0),
    firstAt: requests.at(0)?.at ?? Number.NaN,
    lastAt: requests.at(-1)?.at ?? Number.NaN,
    names: decoded.flatMap(({ bytes }) => (decodeIngest(bytes).entities ?? []).map(nameOf)),
  };
}

function nameOf(entity: Record<string, unknown>): string {
  const device = entity.device;
  return typeof device === 'object' && device !== null && 'name' in device ? String(device.name) : '';
}

if (process.argv[1] === import.meta.filename) await serve();
