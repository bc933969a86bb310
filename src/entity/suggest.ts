/** How many single letters have to be put in, taken out or changed to make `a` of `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const MOST_CHANGES = 2;
const LONGEST_NAME = 60;

/** The known name that was probably meant: `siteGroup` and `site_gruop` for `site_group`. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const snake = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();
  const most = Math.min(MOST_CHANGES, Math.floor(snake.length / 3));
  let best: { candidate: string; changes: number } | undefined;
  for (const candidate of known) {
    const changes = distance(snake, candidate);
    if (changes <= most && (!best || changes < best.changes)) best = { candidate, changes };
  }
  return best?.candidate;
}
