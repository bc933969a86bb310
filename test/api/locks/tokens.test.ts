import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secrets } from '../../../src/secrets.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { type Answer, TestApi } from '../support.ts';
import { looksUntil, readableLog } from './support.ts';

const FULL = 'full-0123456789abcdef';
const READ = 'read-0123456789abcdef';
const yaml = { 'content-type': 'application/x-yaml' };

function bearing(token: string, scheme = 'Bearer'): Record<string, string> {
  return { authorization: `${scheme} ${token}` };
}

describe('an API with tokens', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await TestApi.start({
      locks: {
        apiTokens: [{ kind: 'text', token: FULL }],
        apiReadTokens: [{ kind: 'text', token: READ }],
      },
    });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const paths = [
    ['GET', '/api/v1/status'],
    ['GET', '/api/v1/capabilities'],
    ['GET', '/api/v1/policies'],
    ['POST', '/api/v1/policies'],
    ['GET', '/api/v1/policies/a'],
    ['DELETE', '/api/v1/policies/a'],
    ['GET', '/api/v1/runs'],
    ['GET', '/api/v1/runs/x'],
    ['GET', '/docs'],
    ['GET', '/redoc'],
    ['GET', '/openapi.json'],
    ['GET', '/metrics'],
    ['GET', '/nope'],
    ['GET', '/api/v1/status/'],
    ['PATCH', '/api/v1/status'],
    ['HEAD', '/api/v1/status'],
    ['OPTIONS', '/api/v1/policies'],
    ['POST', '/healthz'],
    ['GET', '/healthz/'],
    ['GET', '//healthz'],
    ['GET', '/HEALTHZ'],
    ['GET', '/healthz/../api/v1/status'],
    ['GET', '/api/v1/policies/%2e%2e%2fhealthz'],
  ] as const;

  test.each(paths)('%s %s is refused to strangers, whatever there is', async (method, path) => {
    for (const headers of [
      {},
      bearing('stranger'),
      bearing(''),
      bearing(FULL, 'Basic'),
      { authorization: FULL },
    ]) {
      const answer = await api.call(path, { method, headers: { ...yaml, ...headers } });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      if (method !== 'HEAD') expect(answer.json()).toEqual({ detail: expect.any(String) });
    }
    expect(api.registry.applied).toEqual([]);
  });

  test.each(['/healthz', '/readyz', '/healthz?verbose=1'])('%s asks for nothing', async (path) => {
    for (const headers of [{}, bearing('stranger'), bearing(READ)]) {
      expect((await api.call(path, { headers })).status).toBe(200);
    }
  });

  test.each(['Bearer', 'bearer', 'BEARER'])('a token opens every route: %s', async (scheme) => {
    for (const token of [FULL, READ]) {
      const headers = bearing(token, scheme);
      expect((await api.call('/api/v1/status', { headers })).status).toBe(200);
      expect((await api.call('/nope', { headers })).status).toBe(404);
    }
  });

  test('one that may only look may do nothing else', async () => {
    for (const method of ['POST', 'DELETE', 'PUT', 'PATCH', 'HEAD']) {
      const answer = await api.call('/api/v1/policies/a', { method, headers: bearing(READ) });
      expect([method, answer.status]).toEqual([method, 403]);
    }
    const answer = await api.post(['a'], { ...yaml, ...bearing(READ) });
    expect([answer.status, answer.json()]).toEqual([
      403,
      { detail: 'this token may only look: it takes no other method than GET' },
    ]);
    expect(api.registry.size).toBe(0);
  });

  test('policies of those who showed one are known for theirs, a proxy between or not', async () => {
    const headers = { ...yaml, ...bearing(FULL), 'x-forwarded-for': '192.0.2.1' };
    expect((await api.post(['known'], headers)).status).toBe(201);
    expect(api.registry.applied.at(-1)?.provenance).toBe('authenticated');
  });

  test('a stranger is answered before anything of the body is there', async () => {
    const client = api.connect();
    client.send('POST /api/v1/policies HTTP/1.1\r\nhost: x\r\ncontent-length: 16000000\r\n\r\n');
    await once(client.socket, 'data');
    expect(client.received).toMatch(/^HTTP\/1.1 401 /);
    client.socket.destroy();
  });

  test('refusals say which way there is, and never what was shown', async () => {
    const reply = (answer: Answer) => (answer.json() as { detail: string }).detail;
    expect(reply(await api.get('/api/v1/status'))).toBe('this needs a bearer token');
    const wrong = await api.call('/api/v1/status', { headers: bearing('wrong-wrong') });
    expect(reply(wrong)).toBe('this token opens nothing here');
  });

  test('those who guess do not hold the others up', async () => {
    const guesses = Array.from({ length: 300 }, (_, index) =>
      api.call('/api/v1/policies', { method: 'POST', headers: bearing(`${index}`.repeat(20_000)) }),
    );
    const started = performance.now();
    expect((await api.call('/api/v1/status', { headers: bearing(FULL) })).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(2_000);
    const answers = await Promise.all(guesses);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  });
});

test('refusals are told to the log, once for many, and close with the API', async () => {
  const clock = new HeldClock();
  const { log, lines } = readableLog();
  const api = await TestApi.start({ locks: { apiTokens: [{ kind: 'text', token: FULL }] }, clock, log });
  for (let index = 0; index < 5; index += 1) {
    await api.call(`/api/v1/policies/${index}`, { headers: bearing(`guess-${index}`) });
  }
  const told = () => lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
  const words = 'Refused GET /api/v1/policies/:name from 127.0.0.1: this token opens nothing here';
  expect(told()).toMatchObject([{ module: 'api', msg: words }]);
  await api[Symbol.asyncDispose]();
  expect(told()).toMatchObject([{}, { msg: `${words} (4 more times)` }]);
  expect(lines.join('')).not.toContain('guess-');
  expect(clock.pending).toBe(0);
});

describe('tokens in a file', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'orb-worker-tokens-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  let files = 0;
  function tokenFile(content: string): string {
    const file = path.join(dir, `token-${++files}`);
    writeFileSync(file, content);
    return file;
  }

  async function startWith(file: string) {
    const clock = new HeldClock();
    const secrets = new Secrets();
    const { log, lines } = readableLog();
    const locks = { apiTokens: [{ kind: 'file', path: file } as const] };
    const api = await TestApi.start({ locks, clock, log, secrets });
    const opens = async (token: string): Promise<boolean> =>
      (await api.call('/api/v1/status', { headers: bearing(token) })).status === 200;
    const until = (condition: () => boolean | Promise<boolean>): Promise<void> =>
      looksUntil(clock, condition);
    return { api, secrets, lines, opens, until };
  }

  test('a token a line, with whatever ends the lines', async () => {
    const { api, opens, secrets } = await startWith(tokenFile('old-token\r\nnew-token\n\n'));
    await using _ = api;
    expect([await opens('old-token'), await opens('new-token'), await opens('other')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(secrets.redact('<new-token>')).toBe('<***>');
  });

  test('a renewed file counts without a restart', async () => {
    const file = tokenFile('first-token\n');
    const { api, opens, until, lines, secrets } = await startWith(file);
    await using _ = api;
    writeFileSync(file, 'second-token\n');
    await until(() => opens('second-token'));
    expect(await opens('first-token')).toBe(false);
    expect(secrets.redact('<second-token>')).toBe('<***>');
    expect(lines.join('')).not.toMatch(/first-token|second-token/);
  });

  test('a link that is moved to another file counts, too', async () => {
    const link = path.join(dir, 'link');
    symlinkSync(tokenFile('linked-first\n'), link);
    const { api, opens, until } = await startWith(link);
    await using _ = api;
    unlinkSync(link);
    symlinkSync(tokenFile('linked-second\n'), link);
    await until(() => opens('linked-second'));
    expect(await opens('linked-first')).toBe(false);
  });

  test.each([
    ['empty', (file: string) => writeFileSync(file, '\n'), 'it is empty'],
    ['gone', unlinkSync, 'there is no such file'],
    [
      'nonsense',
      (file: string) => writeFileSync(file, 'good-token\nbad token\n'),
      'the token has a blank or a letter in it that is not ASCII, in line 2',
    ],
  ])('a file that is %s lets nobody in, says so, and may come back', async (_name, spoil, why) => {
    const file = tokenFile('good-token\n');
    const { api, opens, until, lines } = await startWith(file);
    await using _ = api;
    spoil(file);
    await until(async () => !(await opens('good-token')));
    expect(api.locks.faults()).toEqual([`--api-token: ${why} (it lets nobody in)`]);
    const told = lines.filter((line) => line.includes(why));
    expect(told).toEqual([expect.stringContaining(file)]);
    expect(told[0]).not.toContain('good-token');
    writeFileSync(file, 'good-token\n');
    await until(() => opens('good-token'));
    expect(api.locks.faults()).toEqual([]);
  });

  test('a file that is being written when it is looked at locks nobody out', async () => {
    const file = tokenFile('good-token\n');
    const { api, opens, until } = await startWith(file);
    await using _ = api;
    let looks = 0;
    writeFileSync(file, '');
    await until(async () => {
      looks += 1;
      if (looks === 1) writeFileSync(file, 'good-token\nadded-token\n');
      expect(await opens('good-token')).toBe(true);
      return opens('added-token');
    });
    expect(api.locks.faults()).toEqual([]);
  });

  test.each([
    ['', 'it is empty'],
    ['a b\n', 'the token has a blank or a letter in it that is not ASCII, in line 1'],
    ['good\n${TOKEN}\n', 'the token is a reference that was not replaced by what it names, in line 2'],
    ['x'.repeat(2_000_000), 'it has more than 1048576 bytes'],
  ])('a start with a bad one fails: %#', async (content, why) => {
    const file = tokenFile(content);
    await expect(startWith(file)).rejects.toMatchObject({
      name: 'StartError',
      exitStatus: 1,
      message: `--api-token ${file}: ${why}`,
    });
  });

  test.each([
    ['/dev/zero', 'it is no regular file'],
    [tmpdir(), 'it is no regular file'],
    ['/no/such/file', 'there is no such file'],
    ['/etc/passwd/x', 'there is no such file'],
  ])('so it does with %s', async (file, why) => {
    await expect(startWith(file)).rejects.toMatchObject({ message: `--api-token ${file}: ${why}` });
  });

  test('nothing is left when the API is closed', async () => {
    const clock = new HeldClock();
    const locks = { apiTokens: [{ kind: 'file', path: tokenFile('a-token') } as const] };
    const api = await TestApi.start({ locks, clock });
    await api[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});
