/** Why runs that were under way when the daemon stopped are cancelled: their policies are still owed them. */
export const STOP_REASON = 'the daemon was stopped';
