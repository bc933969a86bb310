import type { NamedEntity, SinkError } from '../sink/contract.ts';
import { findCuts, middleCut } from './cut.ts';
import type { WaitingBatch } from './waiting-batch.ts';

/** Some entities of a batch, in memory of their own. */
export interface Piece {
  readonly entityCount: number;
  readonly bytes: Buffer;
}

/** Entities that were refused for good. */
export interface RefusedPiece extends Piece {
  /** The receiver's words. */
  readonly reason: string;
}

/** What to do about a batch that was refused: all of it is either acknowledged, or in one of the two. */
export type RefusalPlan =
  | { readonly kind: 'bury'; readonly letters: readonly RefusedPiece[] }
  | { readonly kind: 'split'; readonly parts: readonly Piece[] }
  /** Nothing of the whole was ever taken: look at the other parts first. */
  | { readonly kind: 'wait' };

/** As many parts are refused in the same words before all of them are given up: 1 + 2 + 4 + 8 requests. */
const HOPELESS_GENERATION = 3;
/** For a batch and all its parts; what is refused after these is given up as it is. */
const MOST_REQUESTS = 500;
/** Of more entities than this in one reply, one letter is made for all. */
const MOST_LETTERS = 100;

/** What to do about a batch that the receiver rejected with this error. */
export function planRefusal(batch: WaitingBatch, bytes: Buffer, error: SinkError): RefusalPlan {
  const { refusal, message } = error;
  const { entityCount } = batch.receipt;
  const cuts = findCuts(bytes, batch.encoding, entityCount);
  const whole: RefusalPlan = { kind: 'bury', letters: [{ entityCount, bytes, reason: message }] };
  if (cuts === undefined || entityCount === 1 || refusal.of === 'all') return whole;
  const named = refusal.of === 'named' ? refusal.entities : [];
  const isNamed = named.length > 0 && named.every(({ index }) => index < entityCount);
  if (refusal.of === 'named' && refusal.othersTaken && isNamed) {
    return { kind: 'bury', letters: lettersOf(bytes, cuts, named, message) };
  }
  if (batch.family.requests >= MOST_REQUESTS) return whole;
  if (isNamed)
    return named.length === entityCount ? whole : { kind: 'split', parts: setApart(bytes, cuts, named) };
  if (refusal.of === 'unknown' && batch.generation === HOPELESS_GENERATION && batch.family.isHopeless) {
    return { kind: 'wait' };
  }
  return { kind: 'split', parts: halve(bytes, cuts) };
}

/** The two halves of a batch; undefined when it cannot be cut. */
export function halves({ receipt, encoding }: WaitingBatch, bytes: Buffer): readonly Piece[] | undefined {
  const cuts = findCuts(bytes, encoding, receipt.entityCount);
  return cuts === undefined || receipt.entityCount === 1 ? undefined : halve(bytes, cuts);
}

/** What is the same in refusals that differ only in numbers. */
export function sameWords(words: string): string {
  return words.replaceAll(/\d+/g, '#');
}

function halve(bytes: Buffer, cuts: readonly number[]): readonly Piece[] {
  const middle = middleCut(cuts);
  return [pieceOf(bytes, cuts, 0, middle), pieceOf(bytes, cuts, middle, cuts.length - 1)];
}

function lettersOf(
  bytes: Buffer,
  cuts: readonly number[],
  named: readonly NamedEntity[],
  message: string,
): readonly RefusedPiece[] {
  if (named.length > MOST_LETTERS) {
    return [
      {
        ...joined(
          bytes,
          cuts,
          named.map(({ index }) => index),
        ),
        reason: message,
      },
    ];
  }
  return named.map(({ index, words }) => ({ ...pieceOf(bytes, cuts, index, index + 1), reason: words }));
}

/** Those that were named, and all others. */
function setApart(bytes: Buffer, cuts: readonly number[], named: readonly NamedEntity[]): readonly Piece[] {
  const indexes = new Set(named.map(({ index }) => index));
  const all = Array.from({ length: cuts.length - 1 }, (_, index) => index);
  const others = all.filter((index) => !indexes.has(index));
  return [joined(bytes, cuts, others), joined(bytes, cuts, [...indexes])];
}

function joined(bytes: Buffer, cuts: readonly number[], indexes: readonly number[]): Piece {
  const entities = indexes.map((index) => bytes.subarray(cuts[index], cuts[index + 1]));
  return { entityCount: indexes.length, bytes: Buffer.concat(entities) };
}

/** A copy: a part of a big buffer would keep the whole of it in memory. */
function pieceOf(bytes: Buffer, cuts: readonly number[], from: number, to: number): Piece {
  return { entityCount: to - from, bytes: Buffer.from(bytes.subarray(cuts[from], cuts[to])) };
}
