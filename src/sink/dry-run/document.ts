import type { Batch } from '../contract.ts';
import { producerAppName, runMetadata, type Sender } from '../sender.ts';

/**
 * A batch (encoding `json`) as the IngestRequest's proto3 JSON, in parts to be written one after another: indented by 2,
 * ASCII only, no line end, no `producer_app_version` (sheet: Dry run).
 */
export function dryRunDocument(batch: Batch, sender: Sender): readonly [Buffer, Buffer, Buffer] {
  const members: [string, string][] = [
    ['id', batch.id],
    ['producer_app_name', producerAppName(batch.run, sender)],
    ['sdk_name', sender.name],
    ['sdk_version', sender.version],
  ];
  const lines = members.map(([key, text]) => `  "${key}": ${asciiJson(text)},\n`).join('');
  const metadata = Object.entries(runMetadata(batch.run))
    .map(([key, text]) => `    "${key}": ${asciiJson(text)}`)
    .join(',\n');
  return [
    Buffer.from('{\n  "stream": "latest",\n  "entities": [\n'),
    batch.bytes,
    Buffer.from(`\n  ],\n${lines}  "metadata": {\n${metadata}\n  }\n}`),
  ];
}

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
