import { LIVE_STATUSES } from '../run/run.ts';

/** The states of a run that another follows, as a list in SQL. */
export const LIVE_STATUS_LIST = `(${LIVE_STATUSES.map((status) => `'${status}'`).join(', ')})`;
