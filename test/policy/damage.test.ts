import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import { openWarmHost } from '../run/support.ts';
import { HeldClock } from '../support/held-clock.ts';
import { hourly, Lives } from './lives.ts';

let host: BackendHost;

beforeAll(async () => {
  host = await openWarmHost();
});

afterAll(() => host.stop());

const PAGE = 8_192;
const HOUR = 3_600_000;

/** Writes over the first pages of these tables, with nothing of them in the log. */
function damage(directory: string, tables: readonly string[]): void {
  const file = join(directory, 'state.sqlite');
  const db = new DatabaseSync(file);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const rootOf = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?');
  const pages = tables.map((table) => Number(rootOf.get(table)?.rootpage));
  db.close();
  const descriptor = openSync(file, 'r+');
  for (const page of pages) writeSync(descriptor, Buffer.alloc(PAGE, 0x55), 0, PAGE, (page - 1) * PAGE);
  closeSync(descriptor);
}

function reportIn(directory: string): string {
  const [folder = ''] = readdirSync(directory).filter((name) => name.startsWith('damaged-'));
  return readFileSync(join(directory, folder, 'report.txt'), 'utf8');
}

test('what a damaged file has lost is written again by the daemon that knows it', async () => {
  await using lives = new Lives({ host });
  const first = await lives.begin();
  const once = { steps: [['log', 'here']] };
  await first.apply({ a: hourly, once, gone: hourly, b: hourly, busy: { ...hourly, steps: [['for ever']] } });
  const { run: had } = await first.next('run:finished', ({ run }) => run.policy === 'once');
  await first.replace('b', { schedule: '5 4 * * *', scope: ['${UNSET}', 1.5] });
  await first.registry.delete('gone');
  await lives.kill();

  const second = await lives.begin();
  await second.awake();
  await second.apply({ late: { schedule: '6 6 * * *' } });
  const busy = await second.reaches(second.registry.submit('busy'), 'running');
  const names = ['a', 'once', 'b', 'busy', 'late'];
  const before = names.map((name) => second.registry.get(name));
  damage(lives.directory, ['policies', 'runs', 'run_lines']);
  await expect(lives.state.runs.log(had.id)).rejects.toThrow('the data file is damaged');
  await expect
    .poll(() => lives.state.health().warning, { timeout: 20_000 })
    .toMatch(/, 5 policies that the daemon knew are written again; the report/);
  expect(reportIn(lives.directory)).toMatch(
    /Policies that the daemon still knew, and has written again:\n {2}"a"\n {2}"once"\n {2}"b"\n {2}"busy"\n {2}"late"\n/,
  );
  await expect.poll(() => lives.state.runs.get(busy.id)).toMatchObject({ id: busy.id, status: 'running' });
  await second.registry.delete('a');
  await lives.kill();

  const clock = new HeldClock(Date.now());
  const third = await lives.begin({ clock });
  await third.awake();
  expect([...third.names].sort()).toEqual(['b', 'busy', 'late', 'once']);
  for (const view of before.filter((view) => view?.name !== 'a')) {
    const { name, config, scope, run } = third.registry.get(view?.name ?? '') ?? {};
    expect({ name, config, scope, run }).toEqual({
      name: view?.name,
      config: view?.config,
      scope: view?.scope,
      run: view?.run,
    });
  }
  expect(await third.history.get(busy.id)).toMatchObject({ status: 'lost' });
  await clock.advance(HOUR);
  expect(third.opened('once')).toEqual([]);
  await lives.kill();
});
