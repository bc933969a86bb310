import { z } from 'zod';
import { BadRequestError } from '../errors.ts';

const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;
const limitWanted = `a whole number from 1 to ${LARGEST_PAGE}`;

/** How many a page may have, as text in a query. */
export const pageLimit = z
  .string(limitWanted)
  .regex(/^\d{1,4}$/, limitWanted)
  .transform(Number)
  .pipe(z.int().min(1, limitWanted).max(LARGEST_PAGE, limitWanted))
  .default(DEFAULT_PAGE);

/** Where the page before ended. */
export const pageCursor = z.string('one cursor').optional().describe('`next_cursor` of the page before.');

/**
 * Reads a query by a schema whose issues say what was expected; keys that it does not know are ignored.
 * @throws BadRequestError that says which parameter is wrong and what was expected.
 */
export function readQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new BadRequestError(`query parameter '${String(issue?.path[0])}': expected ${issue?.message}`);
}
