import type { Batch } from '../contract.ts';
import { field, structOf } from '../protobuf.ts';
import { producerAppName, runMetadata, type Sender } from '../sender.ts';

/** Field numbers of `diode.v1.IngestRequest`. */
const STREAM = 1;
const ID = 3;
const PRODUCER_APP_NAME = 4;
const PRODUCER_APP_VERSION = 5;
const SDK_NAME = 6;
const SDK_VERSION = 7;
const METADATA = 8;

/** A batch (encoding `diode`) as an `IngestRequest` (sheet: Sending to Diode 4). In parts to be joined: its entities are not copied. */
export function encodeIngestRequest(batch: Batch, sender: Sender): readonly Buffer[] {
  const { run } = batch;
  return [
    field(STREAM, 'latest'),
    batch.bytes,
    field(ID, batch.id),
    field(PRODUCER_APP_NAME, producerAppName(run, sender)),
    field(PRODUCER_APP_VERSION, run.appVersion),
    field(SDK_NAME, sender.name),
    field(SDK_VERSION, sender.version),
    field(METADATA, structOf(runMetadata(run))),
  ];
}
