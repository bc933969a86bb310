/** What was called, without its query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/**
 * A URL whose escapes all mean something, read as upstream reads it: a `%` that begins no escape is itself, and
 * bytes that are no UTF-8 are U+FFFD. Fastify would refuse both.
 */
export function withReadableEscapes(url: string): string {
  if (!url.includes('%')) return url;
  return url
    .replace(/%(?![\da-f]{2})/gi, '%25')
    .replace(/(?:%[\da-f]{2})+/gi, (escapes) => encodeURIComponent(bytesOf(escapes).toString()));
}

function bytesOf(escapes: string): Buffer {
  return Buffer.from(escapes.replaceAll('%', ''), 'hex');
}
