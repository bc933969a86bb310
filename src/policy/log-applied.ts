import type { Logger } from 'pino';
import { redactorOf } from '../redact.ts';
import type { PolicyDraft, PolicyWarning } from './contract.ts';

/** Writes upstream's line about a policy that was applied (sheet: Log), then what in it surprises. */
export function logApplied(log: Logger, draft: PolicyDraft): void {
  const { name, runName, packageName, schedule, settings, secrets, warnings } = draft;
  const redact = redactorOf(secrets);
  const when = schedule === undefined ? 'One-time run' : `Scheduled to run with '${schedule}'`;
  log.info(
    { module: 'worker.policy.runner', policy: name, timezone: settings.timezone },
    redact(`Policy ${runName}, Package ${packageName}: ${when}`),
  );
  for (const warning of warnings) {
    log.warn(
      { module: 'worker.policy.manager', policy: name },
      redact(`Policy ${runName}: ${warning.field}${placeOf(warning)}: ${warning.message}`),
    );
  }
}

function placeOf({ line, column }: PolicyWarning): string {
  if (line === undefined) return '';
  return column === undefined ? ` (line ${line})` : ` (line ${line}, column ${column})`;
}
