import { z } from 'zod';
import type { RunQuery } from '../run/contract.ts';
import { RUN_STATUSES } from '../run/run.ts';
import { pageCursor, pageLimit, readQuery } from './read-query.ts';

export const runStatus = z.enum(RUN_STATUSES);

/** What `GET /api/v1/runs` may be asked. */
export const runQuery = z.strictObject({
  policy: z.string('one name').optional().describe('Runs of this policy only.'),
  status: z
    .enum(runStatus.options, `one of ${runStatus.options.join(', ')}`)
    .optional()
    .describe('Runs in this state only.'),
  limit: pageLimit.describe('Runs a page.'),
  cursor: pageCursor,
});

/** @throws BadRequestError */
export function readRunQuery(query: unknown): RunQuery {
  const { policy, status, limit, cursor } = readQuery(runQuery, query);
  return { policy, status, limit, cursor };
}
