import { expect } from 'vitest';
import { EntityError } from '../../../src/entity/entity-error.ts';
import { encodeEntity, jsonOf } from './encode.ts';

/** How the entity is refused, as protobuf and as JSON in the same words; throws when it is taken. */
export function refusalOf(entity: unknown): EntityError {
  const refusal = thrownBy(() => encodeEntity(entity));
  expect(thrownBy(() => jsonOf(entity)).message).toBe(refusal.message);
  return refusal;
}

function thrownBy(encode: () => unknown): EntityError {
  try {
    encode();
  } catch (error) {
    if (error instanceof EntityError) return error;
    throw error;
  }
  throw new Error('the entity was taken');
}

/** An entity with these fields. */
export const device = (fields: object): object => ({ device: fields });
