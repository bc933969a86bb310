import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import type { Batch, RunIdentity } from '../../src/sink/contract.ts';
import { roomyBytes } from '../../src/sink/roomy-bytes.ts';
import { lengthDelimited } from '../support/fake-diode-wire.ts';

export const run: RunIdentity = {
  runId: 'run-1',
  policyName: 'edge',
  backend: 'sample',
  appName: 'collector',
  appVersion: '1.2.3',
};

const ENTITIES_FIELD = 2;
const DEVICE_FIELD = 22;

/** A batch (encoding `diode`) of devices with these names. */
export function deviceBatch(
  names: readonly string[],
  identity: RunIdentity = run,
  id = crypto.randomUUID(),
): Batch {
  const entities = names.map((name) => {
    const device = lengthDelimited(1, Buffer.from(name));
    return lengthDelimited(ENTITIES_FIELD, lengthDelimited(DEVICE_FIELD, device));
  });
  return { id, run: identity, entityCount: names.length, bytes: Buffer.concat(entities) };
}

/** The batch in memory of its own, as those have it that come from children. */
export function inRoom(batch: Batch): Batch {
  const bytes = roomyBytes(batch.bytes.length);
  batch.bytes.copy(bytes);
  return { ...batch, bytes };
}

/** A log that can be read. */
export function readableLog() {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  return { log, lines };
}

/** Never aborts. */
export const noSignal = new AbortController().signal;

export function testTls(file: 'ca.crt' | 'server.crt' | 'server.key'): { path: string; pem: string } {
  const url = new URL(`../support/tls/${file}`, import.meta.url);
  return { path: url.pathname, pem: readFileSync(url, 'utf8') };
}

/** Sockets of this process that are open, by kind. */
export function openSockets(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|TLS/.test(kind) && !/Server/.test(kind));
}
