import { EntityError } from '../../../src/entity/entity-error.ts';
import { encodeEntity } from './encode.ts';

/** How the entity is refused; throws when it is taken. */
export function refusalOf(entity: unknown): EntityError {
  try {
    encodeEntity(entity);
  } catch (error) {
    if (error instanceof EntityError) return error;
    throw error;
  }
  throw new Error('the entity was taken');
}

/** An entity with these fields. */
export const device = (fields: object): object => ({ device: fields });
