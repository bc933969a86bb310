import type { Writable } from 'node:stream';
import type { Sink } from '../contract.ts';
import { giveRoomBack } from '../roomy-bytes.ts';
import { producerAppName, type Sender, sdkVersion } from '../sender.ts';
import { dryRunDocument } from './document.ts';
import { OutputDir } from './output-dir.ts';
import { StdoutDocuments } from './stdout.ts';

export interface DryRunSinkOptions {
  /** Made when it is not there; undefined: documents go to `stdout`, each with a line end. */
  readonly outputDir: string | undefined;
  readonly appNamePrefix: string | undefined;
  readonly version: string;
  readonly stdout: Writable;
}

/** Writes batches (encoding `json`) for a person or another program to look at; nothing leaves the machine. (sheet: Dry run) */
export function createDryRunSink(options: DryRunSinkOptions): Sink {
  const { outputDir, appNamePrefix, version, stdout } = options;
  const sender: Sender = { name: 'orb-worker-dry-run', version: sdkVersion(version), appNamePrefix };
  const dir = outputDir === undefined ? undefined : new OutputDir(outputDir);
  const documents = new StdoutDocuments(stdout);
  return {
    encoding: 'json',
    async start() {
      if (dir === undefined) documents.start();
      else await dir.prove();
    },
    async send(batch, signal) {
      const document = dryRunDocument(batch, sender);
      if (dir === undefined) await documents.write(document, signal);
      else await dir.write(producerAppName(batch.run, sender), document);
      giveRoomBack(batch.bytes);
    },
    health: () => ({ ok: true, reason: '' }),
    async close() {
      documents.close();
    },
  };
}
