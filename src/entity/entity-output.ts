import { describeValue } from './describe.ts';
import { EntityError, formatPath, type PathStep } from './entity-error.ts';
import { Output } from './output.ts';
import type { Timestamp } from './timestamp.ts';

/** No receiver takes an entity of more bytes. */
export const LARGEST_ENTITY_BYTES = 16 * 1024 * 1024;

/** Readers of protobuf give up below this many messages inside each other, not counting the request. */
const DEEPEST_MESSAGE = 100;

/**
 * One encoding of entities, and the way to where the writing is. What is written needs no more checks but one: texts
 * must be valid Unicode. Tags are protobuf's; a name is a field's, the key of a map, or the place in a list. What an
 * `open...` returns goes to its `close...`.
 */
export abstract class EntityOutput extends Output {
  /** How many messages are open, the entity itself counted. */
  depth = 0;
  private entityIndex = 0;
  private readonly trail: PathStep[] = [];
  private steps = 0;

  /** Forgets whatever was open, and begins where the position is. */
  beginEntity(index: number): void {
    this.entityIndex = index;
    this.depth = 1;
    this.steps = 0;
  }

  /** Throws when the entity is larger than any receiver takes. */
  abstract endEntity(): void;

  abstract string(tag: number, name: PathStep, text: string): void;
  abstract integer(tag: number, name: PathStep, value: number | bigint): void;
  abstract boolean(tag: number, name: PathStep, value: boolean): void;
  abstract number(tag: number, name: PathStep, value: number): void;
  abstract octets(tag: number, name: PathStep, value: Uint8Array): void;
  abstract moment(tag: number, name: PathStep, value: Timestamp): void;
  abstract null(tag: number, name: PathStep): void;

  abstract openMessage(tag: number, name: PathStep): number;
  abstract closeMessage(start: number): void;

  /** A list that is one value: of integers, or in a Struct. */
  abstract openList(tag: number, name: PathStep): number;
  abstract closeList(start: number): void;
  /** An integer in a list of its kind. */
  abstract item(place: number, value: number | bigint): void;

  /** A list whose items are fields of their own. */
  abstract beginItems(name: string): void;
  abstract endItems(): void;

  abstract beginMap(name: string): void;
  abstract endMap(): void;
  /** One of a map's, or of a Struct's: its key, and then one value follows. */
  abstract openEntry(tag: number, key: string): number;
  abstract closeEntry(start: number): void;

  /** A value of a Struct, around what it is. */
  abstract openValue(tag: number): number;
  abstract closeValue(start: number): void;

  /** Remembers a step of the way, until {@link leave}. */
  enter(step: PathStep): void {
    this.trail[this.steps++] = step;
  }

  leave(): void {
    this.steps--;
  }

  /** An error about the field of this name (`''`: about the open message itself). */
  fault(name: PathStep, expected: string, value: unknown): EntityError {
    return this.faultOf(name === '' ? [] : [name], expected, describeValue(value));
  }

  /** An error at the end of these steps from here. */
  faultOf(further: readonly PathStep[], expected: string, got: string, options?: ErrorOptions): EntityError {
    const steps = [...this.trail.slice(0, this.steps), ...further];
    return new EntityError(this.entityIndex, formatPath(steps), expected, got, options);
  }

  /** One message more is open. */
  protected deepen(): void {
    if (++this.depth <= DEEPEST_MESSAGE) return;
    throw this.faultOf(
      [],
      `at most ${DEEPEST_MESSAGE} messages inside each other`,
      'more, or an object that contains itself',
    );
  }

  protected halfSurrogate(name: PathStep): EntityError {
    return this.faultOf([name], 'valid Unicode', 'a text with half of a surrogate pair');
  }

  protected tooLarge(): EntityError {
    const expected = `at most ${LARGEST_ENTITY_BYTES} bytes of protobuf`;
    return new EntityError(this.entityIndex, '', expected, 'more');
  }
}
