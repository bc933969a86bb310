import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { openState } from '../../../src/state/open-state.ts';
import { runProgram } from '../support.ts';

/** A directory that a daemon has used, with one policy. */
async function used(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'orb-doctor-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const bounds = { historyRuns: 100, historyAgeMs: 1e9, dataMaxBytes: 1e8 };
  const log = pino({ level: 'silent' });
  const state = await openState({ directory, clock: systemClock, log, bounds });
  await state.policies.save([
    { number: 1, name: 'edge', document: '{}', provenance: 'loopback', appliedAt: 1 },
  ]);
  await state.close();
  // As if the process that had it were gone.
  const owner = join(directory, 'owner.json');
  writeFileSync(owner, JSON.stringify({ ...JSON.parse(readFileSync(owner, 'utf8')), started: '1' }));
  return directory;
}

function damage(directory: string): void {
  const file = join(directory, 'state.sqlite');
  writeFileSync(file, readFileSync(file).fill(7, 0, 40));
}

test('says that a directory is sound, by its flag or its variable', async () => {
  const directory = await used();
  const sound = `The data directory ${directory} is sound (no daemon has it now).\n`;
  expect(await runProgram(['doctor', '--data-dir', directory])).toEqual({
    status: 0,
    stdout: sound,
    stderr: '',
  });
  const byVariable = await runProgram(['doctor'], { ORB_WORKER_DATA_DIR: directory });
  expect(byVariable).toEqual({ status: 0, stdout: sound, stderr: '' });
});

test('explains what it finds, and repairs it when it is asked to', async () => {
  const directory = await used();
  damage(directory);
  const found = await runProgram(['doctor', '--data-dir', directory]);
  expect(found).toEqual({
    status: 1,
    stdout: `The data directory ${directory} is not as it should be (no daemon has it now).

damage: ${directory}/state.sqlite: the data file cannot be read: file is not a database
    Some of what is kept may be lost.
    A repair sets the file aside as it is and takes all that can be read over into a new one; so does a start.
`,
    stderr: '',
  });
  const repaired = await runProgram(['doctor', '--repair', '--data-dir', directory]);
  expect(repaired).toMatchObject({ status: 0, stderr: '' });
  const [name = ''] = readdirSync(directory).filter((entry) => entry.startsWith('damaged-'));
  expect(repaired.stdout).toContain('rows were taken over, 0 places could not be read.\n');
  expect(repaired.stdout).toContain(`What was damaged, and the report: ${join(directory, name)}\n`);
  expect((await runProgram(['doctor', '--repair', '--data-dir', directory])).stdout).toContain(
    'Nothing was to be repaired.',
  );
});

test('says once what several findings mean', async () => {
  const directory = await used();
  const file = join(directory, 'state.sqlite');
  for (const path of [directory, file]) chmodSync(path, 0o755);
  const { stdout } = await runProgram(['doctor', '--data-dir', directory]);
  expect(stdout).toBe(`The data directory ${directory} is not as it should be (no daemon has it now).

warning: ${directory}: its mode is 755
warning: ${file}: its mode is 755
    Other users of this machine can look into it, or change it.
    A repair takes the rights of all others away.
`);
});

test('tells programs in JSON', async () => {
  const directory = await used();
  chmodSync(directory, 0o755);
  const { status, stdout } = await runProgram(['doctor', '--json', '--data-dir', directory]);
  expect([status, JSON.parse(stdout)]).toEqual([
    1,
    {
      directory,
      isSound: false,
      findings: [
        {
          severity: 'warning',
          where: directory,
          what: 'its mode is 755',
          meaning: 'Other users of this machine can look into it, or change it.',
          remedy: 'A repair takes the rights of all others away.',
        },
      ],
    },
  ]);
  const repaired = await runProgram(['doctor', '--json', '--repair', '--data-dir', directory]);
  expect(JSON.parse(repaired.stdout)).toMatchObject({ before: { isSound: false }, after: { isSound: true } });
  expect(repaired.status).toBe(0);
});

test('a command that cannot be meant is 2, a directory that is none is 1', async () => {
  const nowhere = await runProgram(['doctor']);
  expect(nowhere).toMatchObject({ status: 2, stdout: '' });
  expect(nowhere.stderr).toContain('orb-worker doctor: error: --data-dir required\n');
  expect(await runProgram(['doctor', 'now', '--data-dir', '/'])).toMatchObject({ status: 2 });
  const directory = join(await used(), 'missing');
  expect(await runProgram(['doctor', '--data-dir', directory])).toEqual({
    status: 1,
    stdout: '',
    stderr: `orb-worker doctor: error: there is no data directory ${directory}\n`,
  });
  mkdirSync(directory, { mode: 0o700 });
  expect(await runProgram(['doctor', '--data-dir', directory])).toMatchObject({ status: 0 });
});
