import { z } from 'zod';
import { readQuery } from './read-query.ts';

/** What `PUT /api/v1/policies/{name}` may be asked. */
export const putQuery = z.strictObject({
  cancel: z
    .enum(['true', 'false'], 'true or false')
    .default('false')
    .describe('Whether runs of the policy that is replaced are cancelled; else they are left to end.'),
});

/** @throws BadRequestError */
export function readPutQuery(query: unknown): { readonly cancel: boolean } {
  return { cancel: readQuery(putQuery, query).cancel === 'true' };
}
