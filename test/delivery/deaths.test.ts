import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { BatchStore } from '../../src/delivery/batch-store.ts';
import type { RunDelivery } from '../../src/delivery/contract.ts';
import { createDelivery } from '../../src/delivery/create-delivery.ts';
import type { Sink } from '../../src/sink/contract.ts';
import { open, temporaryDirectory } from '../state/support.ts';
import { batchOfNames, HastyClock, namesIn, PickyReceiver } from './picky-receiver.ts';

const log = pino({ level: 'silent' });
const ALL = { policy: undefined, limit: 10_000, after: undefined };

/** A death of the daemon: after so many calls of its store and its sink nothing more comes of it. */
interface Death {
  readonly after: number;
  /** Whether the last call is still carried out. */
  readonly isLastDone: boolean;
}

class Life {
  readonly died: Promise<'died'>;
  readonly #death: Death | undefined;
  readonly #end = Promise.withResolvers<'died'>();
  #calls = 0;

  constructor(death: Death | undefined) {
    this.#death = death;
    this.died = this.#end.promise;
  }

  /** The same object, until death: then no call is answered any more. */
  mortal<T extends object>(object: T, methods: readonly (keyof T)[]): T {
    return new Proxy(object, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const method = (...parameters: unknown[]): unknown => Reflect.apply(value, target, parameters);
        return methods.some((name) => name === key)
          ? (...parameters: unknown[]) => this.#call(() => method(...parameters))
          : method;
      },
    });
  }

  async #call(work: () => unknown): Promise<unknown> {
    this.#calls++;
    const { after, isLastDone } = this.#death ?? { after: Number.POSITIVE_INFINITY, isLastDone: true };
    if (this.#calls < after) return work();
    if (this.#calls === after && isLastDone) await work();
    this.#end.resolve('died');
    return new Promise(() => undefined);
  }
}

function newLife(death: Death | undefined, receiver: Sink, store: BatchStore) {
  const life = new Life(death);
  const delivery = createDelivery({
    sink: life.mortal(receiver, ['send']),
    store: life.mortal(store, ['keep', 'settle', 'read', 'receipts', 'found']),
    clock: new HastyClock(),
    log,
    maxMemoryBytes: 60,
  });
  return { life, delivery };
}

/** Hands batches over one after another; notes each whose keeping was confirmed. */
async function produce(
  run: RunDelivery,
  batches: readonly (readonly string[])[],
  runId: string,
  owed: string[],
): Promise<void> {
  for (const names of batches) {
    const batch = batchOfNames(names, runId);
    await run.reserve(batch.bytes.length);
    run.accept(batch);
    await run.kept();
    owed.push(...names);
  }
}

const entities = fc.array(fc.constantFrom('good', 'good', 'bad'), { minLength: 1, maxLength: 12 });
const scripts = fc.record({
  batches: fc.array(entities, { minLength: 1, maxLength: 4 }),
  refusing: fc.constantFrom('named' as const, 'first' as const, 'unnamed' as const),
  largest: fc.constantFrom(Number.POSITIVE_INFINITY, 20),
  moods: fc.array(fc.constantFrom('well' as const, 'away' as const, 'deaf' as const), { maxLength: 20 }),
  deaths: fc.array(fc.record({ after: fc.integer({ min: 1, max: 25 }), isLastDone: fc.boolean() }), {
    maxLength: 4,
  }),
});

test('what was kept is taken exactly once or is a letter, however often the daemon dies, and nothing is invented', async () => {
  const state = await open(temporaryDirectory());
  await fc.assert(
    fc.asyncProperty(scripts, async ({ batches, deaths, ...manners }) => {
      const runId = crypto.randomUUID();
      const run = { runId, policy: 'edge' };
      let index = 0;
      const named = batches.map((batch) => batch.map((kind) => `${kind}-${index++}`));
      const receiver = new PickyReceiver(manners);
      const owed: string[] = [];

      const first = newLife(deaths[0], receiver, state.batches);
      const opened = first.delivery.open(run, () => undefined);
      const whole = produce(opened, named, runId, owed).then(() => opened.finish());
      let end = await Promise.race([whole, first.life.died]);
      for (let life = 1; end === 'died'; life++) {
        const next = newLife(deaths[life], receiver, state.batches);
        const rest = next.delivery.restore().then(() => {
          const resumed = next.delivery.resume(run, () => undefined).finish();
          next.delivery.release();
          return resumed;
        });
        end = await Promise.race([rest, next.life.died]);
      }

      const letters = await state.batches.letters({ ...ALL, runId });
      const opens = await Promise.all(letters.map(({ id }) => state.batches.letter(id)));
      const dead = opens.flatMap((letter) => (letter === undefined ? [] : namesIn(letter.batch.bytes)));
      const found = [...receiver.taken, ...dead];
      expect(new Set(found).size).toBe(found.length);
      expect(owed.filter((name) => !found.includes(name))).toEqual([]);
      expect(found.filter((name) => !named.flat().includes(name))).toEqual([]);
      expect(end.acknowledged).toBe(receiver.taken.length);
      expect((await state.batches.found()).filter((left) => left.runId === runId)).toEqual([]);
    }),
    { numRuns: 60 },
  );
}, 60_000);
