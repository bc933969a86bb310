import type { Call } from '../calls.ts';

/** What a row takes besides its text, about. */
const BYTES_PER_ROW = 200;

/** Divides calls, in their order, among groups of about `mostBytes` at most, each to be committed together. */
export function groupsOf(calls: readonly Call[], mostBytes: number): Call[][] {
  const groups: Call[][] = [];
  let bytes = Infinity;
  for (const call of calls) {
    const more = bytesOf(call);
    if (bytes + more > mostBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(call);
    bytes += more;
  }
  return groups;
}

/** What a call brings along to be written, about. */
export function bytesOf(call: Call): number {
  switch (call.name) {
    case 'batches.keep':
      return call.parameters[0].spool.bytes.byteLength;
    case 'batches.settle': {
      const [{ parts, letters }] = call.parameters;
      return [...parts, ...letters].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    }
    case 'policies.save':
    case 'policies.saveAgain':
      return call.parameters[0].reduce((sum, { document }) => sum + document.length + BYTES_PER_ROW, 0);
    case 'history.write': {
      const [runs, lines] = call.parameters;
      const ofRuns = runs.reduce((sum, [, , , , , , , , , body]) => sum + body.length + BYTES_PER_ROW, 0);
      return lines.reduce((sum, [, , , message]) => sum + message.length + BYTES_PER_ROW, ofRuns);
    }
    default:
      return 0;
  }
}
