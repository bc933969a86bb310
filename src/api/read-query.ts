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
 * Reads a query by a strict schema whose issues say what was expected. A misspelt filter must not stand for everything:
 * what it leaves may be about to be dropped.
 * @throws BadRequestError that says which parameter is wrong and what was expected.
 */
export function readQuery<Schema extends z.ZodObject>(schema: Schema, query: unknown): z.output<Schema> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const known = Object.keys(schema.shape).join(', ');
    throw new BadRequestError(`query parameter '${issue.keys[0]}' is not known here, only: ${known}`);
  }
  throw new BadRequestError(`query parameter '${String(issue?.path[0])}': expected ${issue?.message}`);
}
