import { readFields } from '../protobuf.ts';

/** What a collector did not take. */
export interface PartialSuccess {
  readonly rejectedRecords: number;
  readonly message: string;
}

/** The `partial_success` of an `ExportLogsServiceResponse`, empty when there is none. Throws `RangeError` on bytes that are none. */
export function readPartialSuccess(reply: Buffer): PartialSuccess {
  let rejectedRecords = 0;
  let message = '';
  for (const outer of readFields(reply)) {
    if (outer.number !== 1 || !Buffer.isBuffer(outer.value)) continue;
    for (const { number, value } of readFields(outer.value)) {
      if (number === 1 && typeof value === 'number') rejectedRecords = value;
      if (number === 2 && Buffer.isBuffer(value)) message = value.toString();
    }
  }
  return { rejectedRecords, message };
}
