import { z } from 'zod';
import { pageCursor, pageLimit, readQuery } from './read-query.ts';

/** Which dead letters are meant; all, if it says nothing. */
export const letterFilter = z.strictObject({
  policy: z.string('one name').optional().describe('Those of runs of this policy only.'),
  run: z.string('one id').optional().describe('Those of this run only.'),
});

export type LetterFilter = z.infer<typeof letterFilter>;

/** @throws BadRequestError */
export function readLetterFilter(query: unknown): LetterFilter {
  return readQuery(letterFilter, query);
}

/** What `GET /api/v1/dead-letters` may be asked. */
export const letterQuery = letterFilter.extend({
  limit: pageLimit.describe('Dead letters a page.'),
  cursor: pageCursor,
});

/** @throws BadRequestError */
export function readLetterQuery(query: unknown): z.infer<typeof letterQuery> {
  return readQuery(letterQuery, query);
}

/** What `GET /api/v1/runs/{id}/trace` may be asked. */
export const traceQuery = z.strictObject({
  limit: pageLimit.describe('Batches a page; the sums are of all.'),
  cursor: pageCursor,
});

/** @throws BadRequestError */
export function readTraceQuery(query: unknown): z.infer<typeof traceQuery> {
  return readQuery(traceQuery, query);
}
