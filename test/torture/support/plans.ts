import type { Dice } from './dice.ts';

/** What a policy's runs do: see `backends/numbered`. */
interface Work {
  readonly count: number;
  readonly bytes?: number;
  readonly badEvery?: number;
  readonly pauseEvery?: number;
  readonly pauseMs?: number;
  readonly throwAt?: number;
  readonly ingestEvery?: number;
  readonly ingestCount?: number;
}

export interface Plan {
  readonly name: string;
  readonly version: number;
  /** It is owed one run. */
  readonly isOnce: boolean;
  readonly body: { readonly config: object; readonly scope: object; readonly run: object };
}

const ONCE = '';
const EVERY_SECOND = '* * * * * *';
const NEVER = '0 0 29 2 *';

const light: readonly ((dice: Dice) => Work)[] = [
  (dice) => ({ count: dice.between(0, 20) }),
  () => ({ count: 40, badEvery: 17 }),
  (dice) => ({ count: 12, pauseEvery: 3, pauseMs: 50, ingestEvery: 4, ingestCount: dice.between(1, 5) }),
  () => ({ count: 10, throwAt: 7 }),
];

const heavy: readonly ((dice: Dice) => Work)[] = [
  () => ({ count: 300, bytes: 1_000, badEvery: 150 }),
  (dice) => ({ count: dice.between(10, 40), pauseEvery: 1, pauseMs: 120 }),
  (dice) => ({ count: dice.between(10, 40), bytes: 200_000 }),
  () => ({ count: 60, bytes: 200_000, badEvery: 25, pauseEvery: 10, pauseMs: 50 }),
  () => ({ count: 30, pauseEvery: 1, pauseMs: 100, ingestEvery: 3, ingestCount: 10, throwAt: 28 }),
];

/** What never ends by itself: its backend listens. */
const LISTENING_SHARE = 0.1;

/** @param journal the file in which its backend writes down what there will be. */
export function planOf(name: string, version: number, journal: string, dice: Dice): Plan {
  if (dice.chance(LISTENING_SHARE)) return listener(name, version, journal, dice);
  const schedule = dice.pick([ONCE, ONCE, EVERY_SECOND, NEVER]);
  const isOnce = schedule === ONCE;
  const kinds = schedule === EVERY_SECOND ? light : [...light, ...heavy];
  const work = dice.pick(kinds)(dice);
  const run = {
    overlap: dice.pick(['skip', 'queue_one', 'allow']),
    retries: dice.between(0, 2),
    retry_backoff: '1s',
  };
  const config = { package: 'numbered', ...(isOnce ? {} : { schedule }) };
  return {
    name,
    version,
    isOnce,
    body: { config, scope: { journal, version, ...work }, run },
  };
}

/** Its one run yields 12 MB. */
export function bulkyPlanOf(name: string, version: number, journal: string): Plan {
  const scope = { journal, version, count: 60, bytes: 200_000 };
  return { name, version, isOnce: true, body: { config: { package: 'numbered' }, scope, run: {} } };
}

function listener(name: string, version: number, journal: string, dice: Dice): Plan {
  const scope = { journal, version, everyMs: dice.between(20, 300), ingestCount: dice.between(1, 5) };
  const body = { config: { package: 'listening', schedule: NEVER }, scope, run: {} };
  return { name, version, isOnce: false, body };
}
