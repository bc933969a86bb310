import { statSync } from 'node:fs';
import { isTimezone } from '../policy/timezone.ts';
import { usageError } from './usage-error.ts';

/** Where a system keeps what it knows of time zones: quickly looked up, and Node's own list takes 15 ms to open. */
const ZONES = '/usr/share/zoneinfo/';
/** How a path names a zone: `/usr/share/zoneinfo/posix/Europe/Berlin`. */
const TO_ZONES = /^\/.*\/zoneinfo\/(?:posix\/|right\/)?/;

/**
 * Makes `TZ` mean to Node, and to backends, what it means to other programs. Throws a usage error for what is no IANA
 * name: Node would take it for UTC without a word, and every schedule would be due at another hour.
 *
 * @param env the process's own
 */
export function settleTimezone(env: NodeJS.ProcessEnv): void {
  const written = env.TZ;
  if (written === undefined) return;
  const path = written.trim().replace(/^:/, '');
  if (path === '' || path === '/etc/localtime') {
    delete env.TZ;
    return;
  }
  const name = zoneCalled(path.replace(TO_ZONES, ''));
  if (name === undefined) {
    throw usageError(
      `variable TZ: '${written}' is no time zone that is known here (such as Europe/Berlin or UTC)`,
    );
  }
  if (name !== written) env.TZ = name;
}

/** Its name in the one spelling that Node takes from `TZ`; undefined for no zone. */
function zoneCalled(name: string): string | undefined {
  if (isOnDisk(name)) return name;
  return isTimezone(name)
    ? new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
    : undefined;
}

function isOnDisk(name: string): boolean {
  if (!/^[A-Z][\w+/-]*$/.test(name)) return false;
  return statSync(ZONES + name, { throwIfNoEntry: false })?.isFile() ?? false;
}
