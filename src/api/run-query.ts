import { z } from 'zod';
import { BadRequestError } from '../errors.ts';
import type { RunQuery } from '../run/contract.ts';

export const runStatus = z.enum([
  'pending',
  'running',
  'delivering',
  'completed',
  'failed',
  'cancelled',
  'lost',
  'skipped',
]);

const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;

/** What `GET /api/v1/runs` may be asked; keys that it does not know are ignored. */
export const runQuery = z.object({
  policy: z.string('one name').optional().describe('Runs of this policy only.'),
  status: z
    .enum(runStatus.options, `one of ${runStatus.options.join(', ')}`)
    .optional()
    .describe('Runs in this state only.'),
  limit: z
    .string()
    .regex(/^\d{1,4}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(LARGEST_PAGE))
    .default(DEFAULT_PAGE)
    .describe('Runs a page.'),
  cursor: z.string('one cursor').optional().describe('`next_cursor` of the page before.'),
});

const limitWanted = `a whole number from 1 to ${LARGEST_PAGE}`;

/** @throws BadRequestError that says which parameter is wrong, what was expected and what it got. */
export function readRunQuery(query: unknown): RunQuery {
  const read = runQuery.safeParse(query);
  if (read.success) {
    const { policy, status, limit, cursor } = read.data;
    return { policy, status, limit, cursor };
  }
  const [issue] = read.error.issues;
  const name = String(issue?.path[0]);
  const wanted = name === 'limit' ? limitWanted : issue?.message;
  throw new BadRequestError(`query parameter '${name}': expected ${wanted}`);
}
