import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BackendLease, LifeRequest } from '../../src/backend/host.ts';
import { Residence } from '../../src/policy/residence.ts';
import type { RunnablePolicy } from '../../src/run/contract.ts';
import { PackageFolder, payloadOf, Rig } from '../backend/rig.ts';
import { HeldClock } from '../support/held-clock.ts';

// A real backend, whose `setup` notes that it was called and does what a file says by then.

const source = `
import { appendFileSync, readFileSync } from 'node:fs';
export default {
  describe: () => ({ name: 'lives', app_name: 'lives', app_version: '1' }),
  run: () => [],
  setup({ scope }) {
    appendFileSync(scope + '/notes', 'setup\\n');
    const order = readFileSync(scope + '/order', 'utf8');
    if (order === 'throw') throw new Error('not yet: hush');
    if (order === 'exit later') setTimeout(() => process.exit(7), 10);
  },
  teardown({ scope }) {
    appendFileSync(scope + '/notes', 'teardown\\n');
  },
};`;

let folder: string;
let packages: PackageFolder;
let clock: HeldClock;
let rig: Rig;
let lease: BackendLease;
const lines: { level: number; msg: string }[] = [];
const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) });
const requests: LifeRequest[] = [];
/** What it said that is wrong. */
const noted: (string | undefined)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-residence-'));
  packages = await PackageFolder.create();
  await packages.add('lives', { 'index.js': source });
  clock = new HeldClock();
  rig = new Rig({ backendsDirs: [packages.path] });
  lease = await rig.host.open('lives');
  lines.length = 0;
  requests.length = 0;
  noted.length = 0;
});
afterEach(async () => {
  await rig.host.stop();
  await packages[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const order = (text: string): void => writeFileSync(path.join(folder, 'order'), text);
const notes = (): string[] =>
  readFileSync(path.join(folder, 'notes'), { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1);

function residenceOf(): Residence {
  const policy: RunnablePolicy = {
    name: 'edge',
    number: 0,
    runName: 'edge',
    lease: {
      ...lease,
      setUp: (request) => {
        requests.push(request);
        if (lease.setUp === undefined) throw new Error('no setup');
        return lease.setUp(request);
      },
    },
    payload: payloadOf(folder),
    kind: 'cron',
    overlap: 'skip',
    retry: { times: 0, backoffMs: 0 },
    overlapGroup: {},
    timeoutMs: undefined,
    secrets: ['hush'],
    catchUp: () => undefined,
    whenSettled: () => undefined,
    home: () => undefined,
    isDeleted: false,
  };
  const coordinator = { ingest: () => undefined, recordFailure: () => undefined };
  const policies = { noteFault: (_: RunnablePolicy, reason: string | undefined) => noted.push(reason) };
  return new Residence(policy, { clock, log, coordinator, policies });
}

/** Begins, and waits until it is known how that was. */
async function begun(residence: Residence): Promise<void> {
  residence.begin(undefined);
  await residence.whenSettled();
}

test('a policy is up when setup has returned, and torn down once', async () => {
  order('');
  const residence = residenceOf();
  await begun(residence);
  expect(residence.whenSettled()).toBeUndefined();
  expect(residence.home()).toBeDefined();
  expect(residence.fault).toBeUndefined();
  await Promise.all([residence.end(5_000), residence.end(5_000)]);
  expect(notes()).toEqual(['setup', 'teardown']);
  expect(clock.pending).toBe(0);
});

test('a setup that throws is tried again later each time, its secrets unsaid, until it does not', async () => {
  order('throw');
  const residence = residenceOf();
  await begun(residence);
  for (const delayMs of [1_000, 2_000, 4_000]) {
    expect(residence.fault).toEqual({
      reason: 'setup failed: not yet: ***',
      retryAt: clock.now() + delayMs,
    });
    expect(() => residence.home()).toThrow('setup failed: not yet: ***');
    const known = notes().length;
    await clock.advance(delayMs - 1);
    expect(residence.whenSettled()).toBeUndefined();
    await clock.advance(1);
    await residence.whenSettled();
    expect(notes()).toHaveLength(known + 1);
  }
  expect(requests.map(({ apart }) => apart)).toEqual([false, true, true, true]);
  order('');
  await clock.advance(8_000);
  await residence.whenSettled();
  expect(residence.fault).toBeUndefined();
  expect(noted).toEqual([...Array(4).fill('setup failed: not yet: ***'), undefined]);
  expect(lines.at(-1)).toMatchObject({ level: 30, msg: 'Policy edge: set up again' });
  expect(lines[0]).toMatchObject({
    level: 50,
    msg: 'Policy edge: setup failed: not yet: ***; tried again in 1 s',
  });
  await residence.end(5_000);
});

test('the waits grow to five minutes and no longer', async () => {
  order('throw');
  const residence = residenceOf();
  await begun(residence);
  for (let tries = 0; tries < 12; tries++) {
    await clock.advance(300_000);
    await residence.whenSettled();
  }
  expect(residence.fault?.retryAt).toBe(clock.now() + 300_000);
  await residence.end(0);
  expect(clock.pending).toBe(0);
});

test('a policy that takes its process along is set up again after a wait', async () => {
  order('exit later');
  const residence = residenceOf();
  await begun(residence);
  await expect.poll(() => residence.fault?.reason).toBe('exited with status 7');
  order('');
  await clock.advance(1_000);
  await residence.whenSettled();
  expect(residence.home()).toBeDefined();
  await residence.end(5_000);
  expect(notes()).toEqual(['setup', 'setup', 'teardown']);
});

test('one whose process is killed is set up again at once', async () => {
  order('');
  const residence = residenceOf();
  await begun(residence);
  const neighbour = residenceOf();
  await begun(neighbour);
  process.kill(rig.pids[0] ?? 0, 'SIGKILL');
  await expect.poll(notes).toEqual(['setup', 'setup', 'setup', 'setup']);
  await Promise.all([residence.whenSettled(), neighbour.whenSettled()]);
  expect(residence.fault).toBeUndefined();
  await Promise.all([residence.end(5_000), neighbour.end(5_000)]);
});

test('another version is set up after the old one was torn down, however often that changes', async () => {
  order('');
  const residence = residenceOf();
  await begun(residence);
  residence.move();
  residence.move();
  expect(() => residence.home()).toThrow('its policy is not set up');
  await residence.whenSettled();
  expect(notes()).toEqual(['setup', 'teardown', 'setup']);
  await residence.end(5_000);
});

test('one that waits for another to be torn down is not set up before, nor after it is over', async () => {
  order('');
  const before = Promise.withResolvers<void>();
  const residence = residenceOf();
  residence.begin(before.promise);
  residence.move();
  expect(notes()).toEqual([]);
  await residence.end(0);
  before.resolve();
  await before.promise;
  expect(notes()).toEqual([]);
  expect(requests).toEqual([]);
});
