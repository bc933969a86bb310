import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { BatchBuilder } from '../../../src/entity/batch-builder.ts';
import type { Batch, RunIdentity } from '../../../src/sink/contract.ts';
import { createDryRunSink } from '../../../src/sink/dry-run/create-dry-run-sink.ts';
import { inRoom, noSignal, run } from '../support.ts';

interface TemporaryDir extends AsyncDisposable {
  readonly path: string;
}

async function temporaryDir(): Promise<TemporaryDir> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'orb-worker-'));
  return { path: dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

/** Collects what is written, or fails as a closed pipe does. */
function output(broken = false): { stdout: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      setImmediate(() => done(broken ? new Error('write EPIPE') : null));
    },
  });
  stdout.on('error', () => undefined);
  return { stdout, text: () => Buffer.concat(chunks).toString() };
}

function sinkFor(outputDir: string | undefined, stdout = output().stdout, appNamePrefix?: string) {
  return createDryRunSink({ outputDir, appNamePrefix, version: '1.14.2', stdout });
}

function siteBatch(names: readonly string[], identity: RunIdentity = run): Batch {
  const now = (): number => Date.UTC(2026, 0, 2);
  const builder = new BatchBuilder({ encoding: 'json', runId: identity.runId, now });
  for (const name of names) builder.add({ site: { name } });
  const closed = builder.close() ?? expect.fail('no batch');
  return { id: crypto.randomUUID(), run: identity, ...closed };
}

test('a file is, byte for byte, what the Python SDK writes, but for the names of worker and run', async () => {
  const url = new URL('../../../facts/diode/examples/dry-run-file.json', import.meta.url);
  const example = await readFile(url, 'utf8');
  const entities =
    /"entities": \[\n(.*)\n {2}\],\n {2}"id"/s.exec(example)?.[1] ?? expect.fail('no entities');
  await using dir = await temporaryDir();
  const batch: Batch = {
    id: '6f1d2a30-7c3b-4e58-9a94-0b5c1de2f377',
    run: { ...run, appName: 'quillon', policyName: 'lisboa-fabric' },
    entityCount: 3,
    bytes: Buffer.from(entities),
  };
  await sinkFor(dir.path, undefined, 'edge').send(batch, noSignal);
  const [name] = await readdir(dir.path);
  expect(name).toMatch(/^edge_quillon_\d+\.json$/);
  const ours = example
    .replace('diode-sdk-python-dry-run', 'orb-worker-dry-run')
    .replace('fabric"\n', 'fabric",\n    "worker_backend": "sample",\n    "run_id": "run-1"\n');
  expect(await readFile(path.join(dir.path, name ?? ''), 'utf8')).toBe(ours);
});

test('the directory is made, with all above it, and each batch is a file of its own, in order', async () => {
  await using dir = await temporaryDir();
  const deep = path.join(dir.path, 'a', 'b');
  const sink = sinkFor(deep, undefined, 'a b');
  await sink.start();
  expect(await readdir(deep)).toEqual([]);
  const identity = { ...run, appName: 'n/1' };
  for (const name of ['one', 'two', 'three']) await sink.send(siteBatch([name], identity), noSignal);
  const files = (await readdir(deep)).sort();
  expect(files).toHaveLength(3);
  for (const file of files) expect(file).toMatch(/^a_b_n_1_\d+\.json$/);
  const texts = await Promise.all(files.map((file) => readFile(path.join(deep, file), 'utf8')));
  expect(texts.map((text) => JSON.parse(text).entities[0].site.name)).toEqual(['one', 'two', 'three']);
});

test('a hundred batches at once are a hundred whole files', async () => {
  await using dir = await temporaryDir();
  const sink = sinkFor(dir.path);
  await Promise.all(Array.from({ length: 100 }, (_, index) => sink.send(siteBatch([`s${index}`]), noSignal)));
  const files = await readdir(dir.path);
  expect(files).toHaveLength(100);
  expect(files.every((file) => file.endsWith('.json'))).toBe(true);
});

test('the memory of a batch is given back when it is written, and not before', async () => {
  await using dir = await temporaryDir();
  const batch = inRoom(siteBatch(['x']));
  const { length } = batch.bytes;
  const blocked = path.join(dir.path, 'blocked');
  await writeFile(blocked, 'a file');
  await expect(sinkFor(blocked).send(batch, noSignal)).rejects.toThrow('blocked');
  expect(batch.bytes).toHaveLength(length);
  await sinkFor(dir.path).send(batch, noSignal);
  expect(batch.bytes).toHaveLength(0);
});

test('a directory that was taken away meanwhile is made again', async () => {
  await using dir = await temporaryDir();
  const gone = path.join(dir.path, 'out');
  const sink = sinkFor(gone);
  await sink.start();
  await rm(gone, { recursive: true });
  await sink.send(siteBatch(['x']), noSignal);
  expect(await readdir(gone)).toHaveLength(1);
});

test('names from elsewhere are escaped', async () => {
  const { stdout, text } = output();
  const identity = { ...run, policyName: '"é\n😀', appName: '\u007f', appVersion: 'not shown' };
  await sinkFor(undefined, stdout).send(siteBatch(['x'], identity), noSignal);
  expect(text()).toMatch(/^[\x20-\x7e\n]*$/);
  const document = JSON.parse(text());
  expect(document.metadata.policy_name).toBe('"é\n😀');
  expect(document.producer_app_name).toBe('\u007f');
  expect(document).not.toHaveProperty('producer_app_version');
});

test('without a directory documents go to stdout, each with a line end, never mixed', async () => {
  const { stdout, text } = output();
  const sink = sinkFor(undefined, stdout);
  await sink.start();
  await Promise.all([sink.send(siteBatch(['x']), noSignal), sink.send(siteBatch(['y']), noSignal)]);
  expect(text()).toMatch(/^\{\n {2}"stream".*\n\}\n\{\n.*\n\}\n$/s);
  const documents = text()
    .split(/^(?=\{)/m)
    .map((document) => JSON.parse(document));
  expect(documents.map(({ entities }) => entities[0].site.name)).toEqual(['x', 'y']);
});

test('a stdout that is not read holds batches back, and lets go of those that are given up', async () => {
  const taken: string[] = [];
  const turns: (() => void)[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      taken.push(JSON.parse(String(chunk)).entities[0].site.name);
      turns.push(done);
    },
  });
  const sink = sinkFor(undefined, stdout);
  const givingUp = new AbortController();
  const first = sink.send(siteBatch(['first']), givingUp.signal);
  const second = sink.send(siteBatch(['second']), givingUp.signal);
  const third = sink.send(siteBatch(['third']), noSignal);
  givingUp.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  await expect(second).rejects.toThrow('enough');
  expect(stdout.writableLength).toBeGreaterThan(0);
  expect(taken).toEqual(['first']);
  turns[0]?.();
  await vi.waitUntil(() => taken.length === 2, { timeout: 15_000 });
  turns[1]?.();
  await third;
  expect(taken).toEqual(['first', 'third']);
});

test('a stdout that nobody reads any more rejects the batch', async () => {
  const sending = sinkFor(undefined, output(true).stdout).send(siteBatch(['x']), noSignal);
  await expect(sending).rejects.toMatchObject({
    kind: 'rejected',
    message: 'Dry run cannot write to stdout: write EPIPE',
  });
});

test.each([
  ['file', 'there is a file of that name, not a directory'],
  ['file/below', 'a part of the path is not a directory'],
])('a directory that cannot be (%s) stops the start', async (below, why) => {
  await using dir = await temporaryDir();
  await writeFile(path.join(dir.path, 'file'), '');
  const outputDir = path.join(dir.path, below);
  const sink = sinkFor(outputDir);
  const message = `Dry run cannot write to ${outputDir}: ${why}`;
  await expect(sink.start()).rejects.toMatchObject({ kind: 'fatal', message });
  await expect(sink.send(siteBatch(['x']), noSignal)).rejects.toMatchObject({ kind: 'rejected', message });
});

test('what cannot be written to stops the start', async () => {
  await expect(sinkFor('/proc/orb-worker').start()).rejects.toMatchObject({
    kind: 'fatal',
    message: expect.stringMatching(/^Dry run cannot write to \/proc\/orb-worker: /),
  });
});

const unshare = '/usr/bin/unshare';
const mayMount = spawnSync(unshare, ['--mount', 'true']).status === 0;

test.skipIf(!mayMount)('a full device rejects the batch in words, and leaves nothing behind', async () => {
  await using dir = await temporaryDir();
  const script = new URL('./fill-device.ts', import.meta.url).pathname;
  const command = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"';
  const { stdout, stderr } = spawnSync(
    unshare,
    ['--mount', 'sh', '-c', command, 'sh', dir.path, process.execPath, script],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    kind: 'rejected',
    message: `Dry run cannot write to ${dir.path}: no space left on the device`,
    files: [],
  });
});
