import { createHash, timingSafeEqual } from 'node:crypto';

/** `read`: GET alone. */
export type Rights = 'read' | 'full';

interface Entry {
  readonly digest: Buffer;
  readonly rights: Rights;
}

/** Longer than any token: not worth a look. */
const LONGEST_CANDIDATE = 8_192;

/** Knows tokens again, in a time that tells nothing of them. Keeps no token itself. */
export class TokenTable {
  readonly #entries: readonly Entry[];

  constructor(tokens: readonly { readonly token: string; readonly rights: Rights }[]) {
    this.#entries = tokens.map(({ token, rights }) => ({ digest: digestOf(token), rights }));
  }

  /** What a token allows, the most of it when it stands for both; undefined when it is none. */
  rightsOf(candidate: string): Rights | undefined {
    if (candidate.length > LONGEST_CANDIDATE) return undefined;
    const digest = digestOf(candidate);
    let rights: Rights | undefined;
    for (const entry of this.#entries) {
      // Every one is looked at, whatever was found before.
      if (timingSafeEqual(entry.digest, digest) && rights !== 'full') rights = entry.rights;
    }
    return rights;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
