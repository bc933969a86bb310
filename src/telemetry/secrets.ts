/** Shorter ones are found by chance in the middle of words, and would take a log line apart. */
const SHORTEST_SECRET = 4;

/** What stands in place of a secret. */
const MASK = '***';

/**
 * Makes the function that takes secrets out of a log line. Finds them as they are and as JSON writes them.
 * Texts of fewer than four characters are left alone.
 */
export function secretCleaner(secrets: readonly string[]): (line: string) => string {
  const written = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one secret may hold another.
  const needles = [...new Set(written)].toSorted((a, b) => b.length - a.length);
  return (line) => needles.reduce((text, needle) => text.replaceAll(needle, MASK), line);
}
