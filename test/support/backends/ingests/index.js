import { setTimeout as sleep } from 'node:timers/promises';

const device = (name) => ({ device: { name } });

/** What a promise comes to, as an entity. */
async function told(promise) {
  try {
    await promise;
    return device('kept');
  } catch (error) {
    return device(error.message);
  }
}

async function* endless({ onReturn }) {
  try {
    for (let index = 0; ; index++) yield device(`endless-${index}`);
  } finally {
    onReturn?.();
  }
}

/** Ways to hand entities over beside a run, which yields what came of that. */
const moods = {
  async array({ names }, { ingest }) {
    return [await told(ingest(names.map(device)))];
  },
  async changedArray(_, { ingest }) {
    const entities = [device('a'), device('b')];
    const promise = ingest(entities);
    entities.length = 0;
    return [await told(promise)];
  },
  async generator({ count }, { ingest }) {
    async function* some() {
      for (let index = 0; index < count; index++) yield device(`${index}`);
    }
    return [await told(ingest(some()))];
  },
  async rubbish({ value }, { ingest }) {
    return [await told(ingest(value))];
  },
  async badEntity({ count }, { ingest }) {
    const entities = Array.from({ length: count }, (_, index) => device('x'.repeat(1_000) + index));
    return [await told(ingest([...entities, { device: { nmae: 'typo' } }]))];
  },
  async badStream({ count }, { ingest }) {
    async function* some() {
      for (let index = 0; index < count; index++) yield device('x'.repeat(1_000) + index);
      throw new Error('the stream broke');
    }
    return [await told(ingest(some()))];
  },
  async endless(_, { ingest }) {
    let hasReturned = false;
    const end = await told(ingest(endless({ onReturn: () => (hasReturned = true) })));
    return [end, device(`returned: ${hasReturned}`)];
  },
  async many({ count }, { ingest }) {
    const ends = await Promise.all(
      Array.from({ length: count }, (_, index) => told(ingest([device(`${index}`)]))),
    );
    const counts = Map.groupBy(ends, (end) => end.device.name);
    return Array.from(counts, ([name, { length }]) => device(`${length} ${name}`));
  },
  async million(_, { ingest }) {
    let refused = 0;
    for (let index = 0; index < 1_000_000; index++) {
      ingest([device(`${index}`)]).catch(() => refused++);
      if (index % 1_000 === 0) await sleep(0);
    }
    return [device(`refused: ${refused > 900_000}`)];
  },
  async goesOn({ ms }, { ingest }) {
    async function* slow() {
      yield device('early');
      await sleep(ms);
      yield device('late');
    }
    ingest(slow()).catch(() => undefined);
    return [];
  },
  async afterItsRun({ ms }, context) {
    setTimeout(async () => {
      process.stdout.write(`${(await told(context.ingest([device('late')]))).device.name}\n`);
    }, ms);
    return [];
  },
  async failures({ count, text }, { recordFailure }) {
    for (let index = 0; index < count; index++) recordFailure(new Error(`${text} ${index}`));
    return [];
  },
  async exits(_, { ingest }) {
    void ingest(endless({}));
    await sleep(50);
    process.exit(3);
  },
};

export default {
  describe: () => ({ name: 'ingests', app_name: 'ingests', app_version: '1' }),
  run: ({ scope }, context) => moods[scope.mood](scope, context),
};
