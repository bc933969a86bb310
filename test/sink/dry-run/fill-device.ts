import { readdirSync } from 'node:fs';
import { SinkError } from '../../../src/sink/contract.ts';
import { createDryRunSink } from '../../../src/sink/dry-run/create-dry-run-sink.ts';
import { noSignal, run } from '../support.ts';

/** Writes a batch that is larger than the device under the directory it is given, and says what came of it. */
const outputDir = process.argv[2] ?? '';
const sink = createDryRunSink({
  outputDir,
  appNamePrefix: undefined,
  version: '0.1.0',
  stdout: process.stdout,
});
await sink.start();
const bytes = Buffer.alloc(3 * 1024 * 1024, ' ');
try {
  await sink.send({ id: 'x', run, entityCount: 1, bytes }, noSignal);
} catch (error) {
  const { kind, message } = error instanceof SinkError ? error : { kind: 'unknown', message: String(error) };
  process.stdout.write(JSON.stringify({ kind, message, files: readdirSync(outputDir) }));
}
