import { readFields } from '../protobuf.ts';

/** `diode.v1.IngestResponse`: field 1, repeated. */
const ERRORS = 1;
/** What of a long list a reason shows. */
const MOST_ERRORS = 20;
const LONGEST_ERROR = 1000;

/** The errors in an `IngestResponse`; empty when everything was taken. Throws `RangeError` on bytes that are none. */
export function readIngestErrors(reply: Buffer): string[] {
  const errors: string[] = [];
  for (const { number, value } of readFields(reply)) {
    if (number === ERRORS && Buffer.isBuffer(value)) errors.push(value.toString());
  }
  return errors;
}

/** The errors as the Python worker words them: `Chunk ingestion failed: ['e1', 'e2']` (sheet: Sending to Diode 6). */
export function describeIngestErrors(errors: readonly string[]): string {
  const shown = errors.slice(0, MOST_ERRORS).map((error) => quote(error.slice(0, LONGEST_ERROR)));
  const more = errors.length > MOST_ERRORS ? ` and ${errors.length - MOST_ERRORS} more` : '';
  return `Chunk ingestion failed: [${shown.join(', ')}]${more}`;
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** In single quotes, or double ones round a text that holds single ones only. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? character);
  return `${mark}${mark === "'" ? escaped.replaceAll("'", "\\'") : escaped}${mark}`;
}
