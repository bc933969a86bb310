// Runs the benches, each in a process of its own, and prints their table: npm run bench -- [NAME ...]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import path from 'node:path';
import { endTogether } from '../support/end-together.ts';
import { type Row, tableOf } from './support/report.ts';

const ENDING = '.bench.ts';
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(ENDING))
  .map((file) => file.slice(0, -ENDING.length))
  .toSorted();

async function run(name: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  console.error(`${name} (load average ${loadavg()[0]?.toFixed(1)})`);
  const child = fork(path.join(import.meta.dirname, `${name}${ENDING}`));
  child.on('message', (row: Row) => {
    console.error(`  ${row.measure}: ${row.measured}`);
    rows.push(row);
  });
  const [status] = await once(child, 'exit');
  if (status !== 0) process.exitCode = 1;
  return rows;
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`no bench is called ${unknown}: there are ${names.join(', ')}`);

endTogether();
const rows: Row[] = [];
for (const name of wanted.length > 0 ? wanted : names) rows.push(...(await run(name)));
console.log(`${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.version}\n`);
console.log(tableOf(rows));
