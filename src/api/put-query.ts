import { z } from 'zod';
import { BadRequestError } from '../errors.ts';

/** What `PUT /api/v1/policies/{name}` may be asked; keys that it does not know are ignored. */
export const putQuery = z.object({
  cancel: z
    .enum(['true', 'false'], 'true or false')
    .default('false')
    .describe('Whether runs of the policy that is replaced are cancelled; else they are left to end.'),
});

/** @throws BadRequestError that says which parameter is wrong and what was expected. */
export function readPutQuery(query: unknown): { readonly cancel: boolean } {
  const read = putQuery.safeParse(query);
  if (read.success) return { cancel: read.data.cancel === 'true' };
  const [issue] = read.error.issues;
  throw new BadRequestError(`query parameter '${String(issue?.path[0])}': expected ${issue?.message}`);
}
