import { madeLate } from '../load-late.ts';

/**
 * What reads the queries of requests, loaded when the first one comes: the library that checks them takes a fifth of a
 * start.
 */
export const queries = madeLate(async () => {
  const [{ readLetterFilter, readLetterQuery, readTraceQuery }, { readPutQuery }, { readRunQuery }] =
    await Promise.all([import('./letter-query.ts'), import('./put-query.ts'), import('./run-query.ts')]);
  return { readLetterFilter, readLetterQuery, readTraceQuery, readPutQuery, readRunQuery };
});
