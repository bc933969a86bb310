import type { Path } from './expand.ts';

/** Something in a document to warn about. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** Where it is written; left out: to be found by its path. */
  readonly offset?: number;
}
