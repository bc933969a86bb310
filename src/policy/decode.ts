import { BadRequestError } from '../errors.ts';

/** All but what YAML 1.1 allows in a stream: the rest can only be written as an escape. */
const UNPRINTABLE = /[^\t\n\r\x20-\x7e\x85\xa0-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * The text of a document in UTF-8, or in UTF-16 with its byte order mark, without that mark.
 *
 * @throws BadRequestError with upstream's text for bytes that are neither, and for control characters.
 */
export function decodeDocument(document: Buffer): string {
  const text = decode(document);
  const found = UNPRINTABLE.exec(text);
  if (found) {
    const code = text.charCodeAt(found.index).toString(16).padStart(2, '0');
    throw new InvalidYamlError(`the control character \\x${code} at offset ${found.index}`);
  }
  return text;
}

/** Upstream's reply to whatever is no YAML; what was wrong is left to the explanation. */
export class InvalidYamlError extends BadRequestError {
  override readonly name = 'InvalidYamlError';
  readonly #reason: string;

  constructor(reason: string) {
    super('Invalid YAML format');
    this.#reason = reason;
  }

  override get explanation(): string {
    return `${this.message}: ${this.#reason}`;
  }
}

function decode(document: Buffer): string {
  const encoding = encodingOf(document);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(document);
  } catch {
    throw new InvalidYamlError(`the bytes are not ${encoding}`);
  }
}

function encodingOf(document: Buffer): string {
  if (document[0] === 0xff && document[1] === 0xfe) return 'utf-16le';
  if (document[0] === 0xfe && document[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}
