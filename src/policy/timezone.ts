/** The zone of schedules that name none: what `TZ` names, or the machine's; UTC where neither is told. */
export function hostTimezone(): string {
  // Of a machine whose zone has no name Node says none, or Etc/Unknown.
  const name = String(Intl.DateTimeFormat().resolvedOptions().timeZone);
  return isTimezone(name) ? name : 'UTC';
}

let listed: ReadonlySet<string> | undefined;

/** True for the IANA names that the host knows, old ones included; not for offsets. */
export function isTimezone(name: string): boolean {
  listed ??= new Set(Intl.supportedValuesOf('timeZone'));
  if (listed.has(name)) return true;
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
