// How many entities a second one process encodes: node test/bench/encoding.ts [encoding ...]
import { BatchBuilder } from '../../src/entity/batch-builder.ts';
import type { Entity } from '../../src/entity/types.ts';
import type { BatchEncoding } from '../../src/sink/contract.ts';
import { device } from './backends/devices/index.ts';

const ENTITIES = 20_000;
const ROUNDS = 5;

function entityOf(i: number, keysVary: boolean): Entity {
  return { device: { ...device(i), ...(keysVary ? optionalFields(i) : {}) } };
}

/** Fields that are there or not, as for any collector that leaves out what it did not find: up to 256 shapes. */
function optionalFields(i: number): object {
  const rows: [string, unknown][] = [
    ['asset_tag', `A${i}`],
    ['description', 'leaf'],
    ['comments', 'found'],
    ['latitude', 38.7],
    ['longitude', -9.1],
    ['vc_position', 1],
    ['airflow', 'front-to-rear'],
    ['face', 'front'],
  ];
  return Object.fromEntries(rows.filter((_, bit) => (i >> bit) & 1));
}

interface Sample {
  perSecond: number;
  bytesEach: number;
}

function sample(work: () => number): Sample {
  const start = performance.now();
  const bytes = work();
  return { perSecond: ENTITIES / ((performance.now() - start) / 1000), bytesEach: bytes / ENTITIES };
}

function encodeAll(encoding: BatchEncoding, entities: readonly Entity[]): number {
  const builder = new BatchBuilder({
    encoding,
    runId: '6f1d2a30-7c3b-4e58-9a94-0b5c1de2f377',
    now: Date.now,
  });
  let bytes = 0;
  for (const entity of entities) bytes += builder.add(entity)?.bytes.length ?? 0;
  return bytes + (builder.close()?.bytes.length ?? 0);
}

function stringifyAll(entities: readonly Entity[], indent: number | undefined): number {
  let bytes = 0;
  for (const entity of entities) bytes += JSON.stringify(entity, undefined, indent).length;
  return bytes;
}

const uniform = Array.from({ length: ENTITIES }, (_, i) => entityOf(i, false));
const varied = Array.from({ length: ENTITIES }, (_, i) => entityOf(i, true));

const jobs: Record<string, () => number> = {
  diode: () => encodeAll('diode', uniform),
  'diode, 256 shapes': () => encodeAll('diode', varied),
  json: () => encodeAll('json', uniform),
  otlp: () => encodeAll('otlp', uniform),
  'JSON.stringify': () => stringifyAll(uniform, undefined),
  'JSON.stringify, indent 2': () => stringifyAll(uniform, 2),
};

const wanted = process.argv.slice(2);
for (const [name, work] of Object.entries(jobs)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  work();
  const samples = Array.from({ length: ROUNDS }, () => sample(work)).sort(
    (a, b) => a.perSecond - b.perSecond,
  );
  const [low, , median, , high] = samples.map(({ perSecond }) => `${Math.round(perSecond / 1000)}k`);
  console.log(
    `${name.padEnd(26)} ${median}/s (${low} to ${high}), ${Math.round(samples[0]?.bytesEach ?? 0)} bytes each`,
  );
}
