/**
 * A size in the text of `/proc/PID/status` (`VmRSS`, `VmHWM`, ...), in KiB; undefined where it is not told.
 *
 * @param text may be empty, as for a process that is gone
 */
export function sizeInStatus(text: string, field: string): number | undefined {
  const mark = `\n${field}:`;
  const at = text.indexOf(mark);
  if (at === -1) return undefined;
  const kibibytes = Number.parseInt(text.slice(at + mark.length), 10);
  return Number.isNaN(kibibytes) ? undefined : kibibytes;
}
