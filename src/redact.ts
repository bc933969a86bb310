/** Shorter values are everywhere by chance: taking `1` or `yes` out of every text would leave nothing readable. */
const SHORTEST_SECRET = 4;

/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

/**
 * Makes what replaces each of these values by `***`, the longest first: as it is, line by line, and in the forms in
 * which it stands in JSON and in URLs; of a URL its password, too. Values of fewer than 4 characters stay.
 */
export function redactorOf(secrets: readonly string[]): Redact {
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((cleaned, form) => cleaned.replaceAll(form, '***'), text);
}

function formsOf(secret: string): string[] {
  return [
    secret,
    ...secret.split(/\r?\n/),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret.toWellFormed()),
    ...passwordOf(secret),
  ];
}

/** Of a URL with a user: its password alone, and as a Basic header carries both. */
function passwordOf(secret: string): string[] {
  const url = secret.includes('@') ? URL.parse(secret) : null;
  if (url === null || url.password === '') return [];
  try {
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    return [url.password, password, Buffer.from(`${user}:${password}`).toString('base64')];
  } catch {
    return [url.password];
  }
}
