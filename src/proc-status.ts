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

/** The fields of the text of `/proc/PID/stat` behind the program's name, which may hold anything, brackets and blanks included. */
export function fieldsInStat(text: string): readonly string[] {
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
