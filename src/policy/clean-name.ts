/** Names lose their line breaks where a run or the package loader sees them; a lone `\r` stays (sheet). */
export function withoutLineBreaks(name: string): string {
  return name.includes('\n') ? name.replace(/\r?\n/g, '') : name;
}
