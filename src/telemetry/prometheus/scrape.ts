import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { UnavailableError } from '../../errors.ts';
import { daemonFamilies } from './daemon-families.ts';
import { policyFamilies, requestFamilies } from './policy-families.ts';
import { ProcessFigures } from './process-families.ts';
import type { MetricSources } from './sources.ts';
import { type Family, header } from './text.ts';

/** Makes the whole text of `/metrics`, in pieces; rejects with an {@link UnavailableError} while the daemon stops. */
export type Scrape = () => Promise<readonly Buffer[]>;

/** How long the text is written on before everybody else has a turn. */
const SLICE_MS = 2;
/** Pieces of about this size, in characters. */
const PIECE_LENGTH = 64 * 1_024;

/** Whoever asks while a text is being made gets that one. */
export function createScrape(sources: MetricSources): Scrape {
  const process = new ProcessFigures();
  let making: Promise<readonly Buffer[]> | undefined;
  return () => {
    making ??= make(sources, process).finally(() => {
      making = undefined;
    });
    return making;
  };
}

async function make(sources: MetricSources, process: ProcessFigures): Promise<readonly Buffer[]> {
  const { tally, clock, isStopping } = sources;
  const families = [
    ...policyFamilies(tally),
    ...requestFamilies(tally),
    ...(await daemonFamilies(sources)),
    ...(await process.families()),
  ];
  return await write(families, clock, isStopping);
}

async function write(
  families: readonly Family[],
  clock: Clock,
  isStopping: () => boolean,
): Promise<readonly Buffer[]> {
  const pieces: Buffer[] = [];
  let piece = '';
  let sliceEndsAt = clock.monotonic() + SLICE_MS;
  for (const text of textsOf(families)) {
    piece += text;
    if (piece.length < PIECE_LENGTH) continue;
    pieces.push(Buffer.from(piece));
    piece = '';
    if (clock.monotonic() < sliceEndsAt) continue;
    await nextTurn();
    sliceEndsAt = clock.monotonic() + SLICE_MS;
    if (isStopping()) break;
  }
  if (isStopping()) throw new UnavailableError('the daemon is stopping');
  pieces.push(Buffer.from(piece));
  return pieces;
}

function* textsOf(families: readonly Family[]): Generator<string> {
  for (const family of families) {
    yield header(family);
    yield* family.samples();
  }
}
