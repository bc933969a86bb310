// A dry run into files, beside JSON.stringify into a file.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { devices } from './backends/devices/index.ts';
import { BenchDaemon } from './support/bench-daemon.ts';
import { report } from './support/report.ts';
import { grouped, median, spread } from './support/statistics.ts';

const ENTITIES = 1_000_000;
const ROUNDS = 5;
const WRITE_CHARACTERS = 3 * 2 ** 20;

async function bareRate(): Promise<number> {
  const child = fork(import.meta.filename, ['bare']);
  const [rate] = await once(child, 'message');
  return Number(rate);
}

/** Each entity by itself, written together in pieces of the size of a batch. */
function stringifyAll(file: string): number {
  const started = performance.now();
  const output = openSync(file, 'w');
  let pending = '';
  for (const entity of devices(ENTITIES)) {
    pending += `${JSON.stringify(entity)},`;
    if (pending.length < WRITE_CHARACTERS) continue;
    writeSync(output, pending);
    pending = '';
  }
  writeSync(output, pending);
  closeSync(output);
  return ENTITIES / ((performance.now() - started) / 1000);
}

async function dryRunRate(): Promise<number> {
  const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-bench-'));
  await using daemon = await BenchDaemon.start(['--dry-run', '-o', directory]);
  await daemon.apply(`policies: { p: { config: { package: devices }, scope: { count: ${ENTITIES} } } }`);
  const [run] = await daemon.completed(1);
  if (run === undefined || written(directory) !== ENTITIES) throw new Error('entities are missing');
  rmSync(directory, { recursive: true });
  return ENTITIES / ((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000);
}

function written(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => {
    const file = JSON.parse(readFileSync(path.join(directory, name), 'utf8'));
    return sum + file.entities.length;
  }, 0);
}

async function measure(): Promise<void> {
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareRate());
    ours.push(await dryRunRate());
  }
  const share = median(ours) / median(bare);
  report({
    measure: `dry run of ${grouped(ENTITIES)} entities to files`,
    measured: spread(ours, '/s'),
    counterpart: `\`JSON.stringify\` to a file: ${spread(bare, '/s')}; ${share.toFixed(2)} of it`,
    goal: '0.5 of it, 50,000/s',
    isReached: share >= 0.5 && median(ours) >= 50_000,
  });
}

if (process.argv[2] === 'bare') {
  const directory = mkdtempSync(path.join(tmpdir(), 'orb-worker-bench-'));
  process.send?.(stringifyAll(path.join(directory, 'entities.json')));
  rmSync(directory, { recursive: true });
} else {
  await measure();
}
