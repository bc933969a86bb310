/**
 * - `note`: good to know.
 * - `warning`: nothing is lost, and somebody should look at it.
 * - `damage`: something is not as it was written.
 */
export type Severity = 'note' | 'warning' | 'damage';

/** One thing that the doctor has to say; sentences for a person. */
export interface Finding {
  readonly severity: Severity;
  /** A file or a table. */
  readonly where: string;
  readonly what: string;
  readonly meaning: string;
  /** What a repair, or the reader, would do; `''`: nothing is to be done. */
  readonly remedy: string;
}
