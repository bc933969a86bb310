import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { receiptOf } from '../../api/kept-delivery.ts';
import { finish, openedRun } from '../../api/runs.ts';
import { TestApi } from '../../api/support.ts';
import { freePort } from '../../readme/shell.ts';
import { TestPki } from '../../support/pki.ts';
import { runProgram } from '../support.ts';

const DEVICE = { device: { name: 'r1', site: { name: 'Lab' } } };

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api[Symbol.asyncDispose]());

/** A command that speaks to the API of the test. */
const command = (...words: string[]) => runProgram([...words, '--port', String(api.port)]);

function failedRun() {
  const run = openedRun('edge');
  api.events.emit('run:opened', { run });
  finish(api.events, run, 'failed', '3 of 5,000 entities rejected: no such site');
  return run;
}

describe('trace', () => {
  test('shows sums, what follows from them, and each batch', async () => {
    const run = failedRun();
    const good = receiptOf({ entityCount: 4_990 });
    const bad = receiptOf({
      entityCount: 10,
      outcome: 'rejected',
      acknowledged: 7,
      lastError: 'no such\nsite',
    });
    api.delivery.receiptsOf.set(run.id, [good, bad]);
    const { status, stdout, stderr } = await command('trace', run.id);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`Run ${run.id} of policy 'edge' is failed
  3 of 5,000 entities rejected: no such site

              entities
produced         5,000  taken from its backend
kept                 -  safe on disk
sent             5,000  at least once
acknowledged     4,997  by the receiver
rejected             3  by the receiver, for good
waiting              0  still to be acknowledged
dropped              0  given up without an answer

3 entities were refused: orb-worker dead-letters list --run ${run.id}

request id                            entities  bytes  handed over                kept   sent  settled  tries  outcome                   last error
${good.id}     4,990  1,000  2026-01-02T03:04:05.678Z  +2 ms  +3 ms    +9 ms      1  acknowledged
${bad.id}        10  1,000  2026-01-02T03:04:05.678Z  +2 ms  +3 ms    +9 ms      1  rejected, 7 acknowledged  no such\\nsite
`);
  });

  test.each([
    [
      [receiptOf()],
      'The receiver has acknowledged everything: what is missing was lost or refused behind it.',
    ],
    [
      [receiptOf(), receiptOf({ outcome: 'waiting' })],
      '10 entities were not acknowledged yet: still on the way.',
    ],
    [
      [receiptOf({ sequence: 2 })],
      'The receiver has acknowledged everything: what is missing was lost or refused behind it.\n2 batches are forgotten, and in none of these figures.',
    ],
    [
      [receiptOf({ outcome: 'dropped' })],
      '10 entities were given up without an answer: lost, or there all the same.',
    ],
    [
      [receiptOf({ outcome: 'dropped', firstSentAt: undefined })],
      '10 entities were given up without an answer: lost, because nothing was sent.',
    ],
    [[], 'Nothing was taken from its backend, so nothing was sent.'],
  ])('of %j says what that means', async (receipts, conclusion) => {
    const run = failedRun();
    api.delivery.receiptsOf.set(run.id, receipts);
    expect((await command('trace', run.id)).stdout).toContain(`\n\n${conclusion}\n`);
  });

  test('says where there are more batches', async () => {
    const run = failedRun();
    api.delivery.receiptsOf.set(run.id, [receiptOf(), receiptOf(), receiptOf()]);
    expect((await command('trace', run.id, '--limit', '2')).stdout).toContain('There are more batches: ');
    expect((await command('trace', run.id)).stdout).not.toContain('more');
  });

  test('is as the daemon gives it, for programs', async () => {
    const run = failedRun();
    const { stdout } = await command('trace', '--json', run.id);
    expect(JSON.parse(stdout)).toEqual((await api.get(`/api/v1/runs/${run.id}/trace`)).json());
  });

  test('of a run that is not there is an error', async () => {
    expect(await command('trace', 'a/b?c')).toEqual({
      status: 1,
      stdout: '',
      stderr: "orb-worker trace: error: run 'a/b?c' not found\n",
    });
  });
});

describe('dead-letters', () => {
  test('are listed', async () => {
    const { letters } = api.delivery;
    letters.opened.clear();
    expect((await command('dead-letters', 'list')).stdout).toBe('There are no dead letters.\n');
    const letter = letters.add([DEVICE], { runId: 'r1', reason: 'no such site' });
    letters.add([DEVICE], { runId: 'r2', policy: 'other' });
    const { stdout } = await command('dead-letters', 'list', '--run', 'r1');
    expect(stdout).toBe(
      [
        'id                                    policy  run  entities  rejected                  reason',
        `${letter.id}  edge    r1          1  2026-01-02T03:04:05.678Z  no such site`,
        '',
      ].join('\n'),
    );
    const { stdout: shortened } = await command('dead-letters', 'list', '--limit', '1');
    expect(shortened).toContain('There are more: ');
    const { stdout: json } = await command('dead-letters', 'list', '--policy', 'other', '--json');
    expect(JSON.parse(json)).toMatchObject({ dead_letters: [{ run: 'r2' }], next_cursor: null });
  });

  test('one is shown with its entities', async () => {
    const { id } = api.delivery.letters.add([DEVICE], { reason: 'no such site' });
    const { stdout } = await command('dead-letters', 'show', id);
    expect(stdout).toMatch(/^reason {6}no such site$/m);
    expect(JSON.parse(stdout.slice(stdout.indexOf('\n[')))).toMatchObject([DEVICE]);
  });

  test('are sent again and dropped, by their ids or all that are meant', async () => {
    const { letters } = api.delivery;
    letters.opened.clear();
    const [one, other] = [letters.add([DEVICE]), letters.add([DEVICE])];
    expect((await command('dead-letters', 'retry', one.id)).stdout).toBe(
      `${one.id} is sent again, as request again-${one.id}\n`,
    );
    expect((await command('dead-letters', 'drop', other.id)).stdout).toBe(`${other.id} was dropped\n`);
    for (const policy of ['a', 'a', 'b', 'c']) letters.add([DEVICE], { policy });
    const retried = await command('dead-letters', 'retry', '--policy', 'a');
    expect(retried.stdout).toBe('2 dead letters were sent again\n');
    const dropped = await command('dead-letters', 'drop', '--policy', 'b');
    expect(dropped.stdout).toBe('1 dead letter was dropped\n');
    const all = await command('dead-letters', 'drop', '--all', '--json');
    expect(JSON.parse(all.stdout)).toEqual({ dropped: 1 });
    expect(letters.count).toBe(0);
  });

  test.each([
    [[], "what to do is needed (choose from 'list', 'show', 'retry', 'drop')"],
    [['lift'], "invalid choice: 'lift' (choose from 'list', 'show', 'retry', 'drop')"],
    [['list', 'x'], "'list' takes no id: 'show' does"],
    [['show'], "'show' takes one id"],
    [['show', 'x', 'y'], "'show' takes one id"],
    [['retry'], 'an id, --policy, --run or --all is needed'],
    [['drop'], 'an id, --policy, --run or --all is needed'],
    [['drop', 'x', '--all'], 'an id goes without --policy, --run and --all'],
    [['drop', '--nope'], 'unrecognized arguments: --nope'],
    [['list', '--limit', '0'], "argument --limit: invalid int value: '0' (must be from 1 to 1000)"],
  ])('%j is refused', async (words, fault) => {
    const { status, stdout, stderr } = await runProgram(['dead-letters', ...words]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    const [usage, error, ...rest] = stderr.split('\n');
    expect(usage).toMatch(/^usage: orb-worker dead-letters \[options\] list \|.*, all of them with --help$/);
    expect([error, ...rest]).toEqual([`orb-worker dead-letters: error: ${fault}`, '']);
  });
});

describe('a command', () => {
  test('says that no daemon answers', async () => {
    const port = await freePort();
    expect(await runProgram(['trace', 'x', '--port', String(port)])).toEqual({
      status: 1,
      stdout: '',
      stderr: `orb-worker trace: error: no daemon answers at http://127.0.0.1:${port}: nobody listens there\n`,
    });
  });

  test.each([
    ['text', 200, 'hello'],
    ['other JSON', 200, '{"hello":"there"}'],
    ['an error of its own', 500, 'oops'],
  ])('says that it is no daemon that answers with %s', async (_, status, body) => {
    await using server = createServer((_request, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const finished = await runProgram(['trace', 'x', '--port', String(port)]);
    expect(finished.status).toBe(1);
    expect(finished.stderr).toMatch(
      /^orb-worker trace: error: what answers at http:\/\/\S+ is no orb-worker/,
    );
  });

  test('has a page of help and shows the versions', async () => {
    for (const name of ['trace', 'dead-letters']) {
      const help = await runProgram([name, '--help']);
      expect([help.status, help.stderr]).toEqual([0, '']);
      expect(help.stdout).toMatch(new RegExp(`^usage: orb-worker ${name} \\[options\\] `));
      expect(help.stdout.replaceAll(/\s+/g, ' ')).toContain('(default: 8071, env: ORB_WORKER_PORT)');
      expect((await runProgram([name, '-V'])).stdout).toMatch(/^Orb Worker version: /);
    }
    const page = (await runProgram(['--help'])).stdout;
    expect(page).toContain(
      'orb-worker trace, orb-worker doctor, orb-worker dead-letters; --help behind each',
    );
  });

  test('ends quietly where its reader has had enough', async () => {
    const run = failedRun();
    api.delivery.receiptsOf.set(
      run.id,
      Array.from({ length: 1_000 }, () => receiptOf()),
    );
    const line = `node src/main.ts trace ${run.id} --limit 1000 --port ${api.port} | head -n 1`;
    const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'ignore', 'pipe'] });
    const errors: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
    await new Promise((resolve) => child.on('close', resolve));
    expect(errors).toEqual([]);
  });
});

describe('a daemon with locks', () => {
  test('is shown a token, by flag, variable or file', async () => {
    using pki = new TestPki();
    const file = path.join(pki.dir, 'tokens');
    writeFileSync(file, '\nfrom-file\nolder\n');
    await using locked = await TestApi.start({
      locks: {
        apiTokens: [
          { kind: 'text', token: 'secret' },
          { kind: 'file', path: file },
        ],
      },
    });
    const list = ['dead-letters', 'list', '--port', String(locked.port)];
    const refused = await runProgram(list);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      `orb-worker dead-letters: error: http://127.0.0.1:${locked.port} refuses: this needs a bearer token (--api-token)\n`,
    ]);
    expect((await runProgram([...list, '--api-token', 'secret'])).status).toBe(0);
    expect((await runProgram(list, { ORB_WORKER_API_TOKEN: '${MINE}', MINE: 'secret' })).status).toBe(0);
    expect((await runProgram([...list, '--api-token', `file:${file}`])).status).toBe(0);
    const wrong = await runProgram([...list, '--api-token', 'hunter2']);
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).not.toContain('hunter2');
    const gone = await runProgram([...list, '--api-token', 'file:/nowhere']);
    expect([gone.status, gone.stderr]).toEqual([1, expect.stringContaining('--api-token: ENOENT')]);
  });

  test('is known by its certificate, whatever name that has, or by its authority', async () => {
    using pki = new TestPki();
    const issued = pki.issue('worker.example.com', { names: 'DNS:worker.example.com' });
    const named = pki.issue('localhost', { names: 'DNS:localhost,IP:127.0.0.1' });
    const other = pki.issue('other.example.com', { names: 'DNS:other.example.com' });
    const start = ({ certFile, keyFile }: typeof issued) =>
      TestApi.start({ locks: { tlsCert: certFile, tlsKey: keyFile } });
    const list = ({ port }: TestApi, cert: string) =>
      runProgram(['dead-letters', 'list', '--port', String(port)], { ORB_WORKER_TLS_CERT: cert });
    await using pinned = await start(issued);
    await using localhost = await start(named);
    expect(await list(pinned, issued.certFile)).toMatchObject({ status: 0, stderr: '' });
    expect(await list(localhost, pki.caFile)).toMatchObject({ status: 0, stderr: '' });
    for (const strange of [await list(pinned, other.certFile), await list(pinned, pki.caFile)]) {
      expect(strange.status).toBe(1);
      expect(strange.stderr).toMatch(/^orb-worker dead-letters: error: no daemon answers at https:/);
    }
    const plain = await runProgram(['dead-letters', 'list', '--port', String(pinned.port)]);
    expect(plain.stderr).toMatch(/--tls-cert|no orb-worker/);
    expect(await list(api, issued.certFile)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('it does not speak HTTPS'),
    });
  });
});
