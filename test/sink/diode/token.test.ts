import { describe, expect, test } from 'vitest';
import { Secrets } from '../../../src/secrets.ts';
import { TokenError, TokenSource, type TokenSourceOptions } from '../../../src/sink/diode/token.ts';
import { parseTarget } from '../../../src/sink/target.ts';
import { FakeDiode } from '../../support/fake-diode.ts';
import { HeldClock } from '../../support/held-clock.ts';
import { noSignal } from '../support.ts';

function source(diode: FakeDiode, changes: Partial<TokenSourceOptions> = {}): TokenSource {
  return new TokenSource({
    route: { target: parseTarget(diode.target), tls: undefined, proxy: undefined },
    clientId: 'me',
    clientSecret: 'hunter2',
    userAgent: 'orb-worker/0.1.0',
    maxTries: 3,
    clock: new HeldClock(),
    secrets: new Secrets(),
    random: () => 0,
    ...changes,
  });
}

function failureOf(fetching: Promise<string>): Promise<TokenError> {
  return fetching.then(
    () => expect.fail('there was a token'),
    (error) => {
      expect(error).toBeInstanceOf(TokenError);
      expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('hunter2');
      return error;
    },
  );
}

test('the request is a form with the client credentials and the scope of Ingest', async () => {
  await using diode = await FakeDiode.start();
  const credentials = { clientId: 'me & you=1', clientSecret: 'ü +/%?' };
  expect(await source(diode, credentials).get(noSignal)).toBe('token-1');
  const [request] = diode.tokenRequests;
  expect(request).toMatchObject({
    method: 'POST',
    path: '/auth/token',
    form: {
      grant_type: 'client_credentials',
      client_id: 'me & you=1',
      client_secret: 'ü +/%?',
      scope: 'diode:ingest',
    },
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'orb-worker/0.1.0',
      host: `127.0.0.1:${diode.port}`,
    },
  });
  expect(request?.body).toContain('scope=diode%3Aingest');
});

test('however many ask, one fetch is made, also after a token was refused', async () => {
  await using diode = await FakeDiode.start();
  const tokens = source(diode);
  const askAll = () => Promise.all(Array.from({ length: 50 }, () => tokens.get(noSignal)));
  expect(new Set(await askAll())).toEqual(new Set(['token-1']));
  tokens.discard('token-1');
  tokens.discard('token-1');
  expect(new Set(await askAll())).toEqual(new Set(['token-2']));
  tokens.discard('token-1');
  expect(await tokens.get(noSignal)).toBe('token-2');
  expect(diode.tokenRequests).toHaveLength(2);
});

test('a token is used until shortly before it expires', async () => {
  await using diode = await FakeDiode.start({ tokenLifetimeSeconds: 3600 });
  const clock = new HeldClock();
  const tokens = source(diode, { clock });
  expect(await tokens.get(noSignal)).toBe('token-1');
  await clock.advance(3_539_000);
  expect(await tokens.get(noSignal)).toBe('token-1');
  await clock.advance(1000);
  expect(await tokens.get(noSignal)).toBe('token-2');
});

test('of a short life the last tenth is not used', async () => {
  await using diode = await FakeDiode.start({ tokenLifetimeSeconds: 10 });
  const clock = new HeldClock();
  const tokens = source(diode, { clock });
  await tokens.get(noSignal);
  await clock.advance(8999);
  expect(await tokens.get(noSignal)).toBe('token-1');
  await clock.advance(1);
  expect(await tokens.get(noSignal)).toBe('token-2');
});

test('a reply without a usable life keeps the token until it is refused', async () => {
  await using diode = await FakeDiode.start();
  const clock = new HeldClock();
  const tokens = source(diode, { clock });
  for (const life of [undefined, null, 0, -5, 'x']) {
    diode.token.fail({ status: 200, body: JSON.stringify({ access_token: 'kept', expires_in: life }) });
    expect(await tokens.get(noSignal)).toBe('kept');
    await clock.advance(10 ** 9);
    expect(await tokens.get(noSignal)).toBe('kept');
    tokens.discard('kept');
  }
});

describe('the endpoint fails', () => {
  test.each([429, 500, 502, 503])('%d is tried three times, after 1 and 2 s', async (status) => {
    await using diode = await FakeDiode.start();
    const clock = new HeldClock();
    diode.token.failAlways({ status });
    const failed = failureOf(source(diode, { clock }).get(noSignal));
    for (const [asked, waitMs] of [
      [1, 1000],
      [2, 2000],
    ] as const) {
      await diode.until(() => diode.tokenRequests.length === asked);
      await expect.poll(() => clock.pending).toBe(1);
      await clock.advance(waitMs - 1);
      expect(diode.tokenRequests).toHaveLength(asked);
      await clock.advance(1);
    }
    const error = await failed;
    expect(error.message).toMatch(/^Failed to obtain access token: [A-Z][A-Za-z ]+$/);
    expect(error.refused).toBe(false);
    expect(diode.tokenRequests).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  test('Retry-After of a 429 is kept to', async () => {
    await using diode = await FakeDiode.start();
    const clock = new HeldClock();
    diode.token.fail({ status: 429, headers: { 'retry-after': '9' } });
    const fetched = source(diode, { clock }).get(noSignal);
    await diode.until(() => diode.tokenRequests.length === 1);
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(8999);
    expect(diode.tokenRequests).toHaveLength(1);
    await clock.advance(1);
    expect(await fetched).toBe('token-1');
  });

  test.each([
    [400, 'Bad Request'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
  ])('%d means that the credentials are refused, and is not tried again', async (status, why) => {
    await using diode = await FakeDiode.start();
    diode.token.failAlways({ status, body: '{"error":"hunter2"}' });
    const error = await failureOf(source(diode).get(noSignal));
    expect(error.message).toBe(`Failed to obtain access token: ${why}`);
    expect(error.refused).toBe(true);
    expect(diode.tokenRequests).toHaveLength(1);
  });

  test.each([404, 418, 504, 599])('%d is not tried again', async (status) => {
    await using diode = await FakeDiode.start();
    diode.token.failAlways({ status });
    expect((await failureOf(source(diode).get(noSignal))).refused).toBe(false);
    expect(diode.tokenRequests).toHaveLength(1);
  });

  test.each([301, 302, 307, 308])(
    'a redirect (%d) is not followed: the secret goes to nobody else',
    async (status) => {
      await using elsewhere = await FakeDiode.start();
      await using diode = await FakeDiode.start();
      const location = `http://127.0.0.1:${elsewhere.port}/auth/token`;
      diode.token.fail({ status, headers: { location } });
      expect((await failureOf(source(diode).get(noSignal))).message).toContain(`redirects (${status})`);
      expect(elsewhere.connections).toBe(0);
    },
  );

  test('no answer within 10 s', async () => {
    await using diode = await FakeDiode.start();
    const clock = new HeldClock();
    diode.token.failAlways('hang');
    const failed = failureOf(source(diode, { clock }).get(noSignal));
    await diode.until(() => diode.tokenRequests.length === 1);
    await clock.advance(10_000);
    expect((await failed).message).toBe('Failed to obtain access token: no answer within 10 s');
    await diode.until(() => diode.openConnections === 0);
    expect(clock.pending).toBe(0);
  });

  test('a connection that breaks, or is not made', async () => {
    await using diode = await FakeDiode.start();
    diode.token.fail('disconnect');
    expect((await failureOf(source(diode).get(noSignal))).message).toContain('socket hang up');
    await diode.stop();
    expect((await failureOf(source(diode).get(noSignal))).message).toContain('ECONNREFUSED');
  });

  test('a token of 1 MiB is not read to its end', async () => {
    await using diode = await FakeDiode.start();
    diode.token.fail({ status: 200, body: JSON.stringify({ access_token: 'x'.repeat(1024 * 1024) }) });
    expect((await failureOf(source(diode).get(noSignal))).message).toContain('longer than 65536 bytes');
    await diode.until(() => diode.openConnections === 0);
  });

  test.each([
    '',
    'hello',
    '[]',
    'null',
    '"token"',
    '{}',
    '{"access_token":""}',
    '{"access_token":5}',
    '{"access_token":"a b"}',
    '{"access_token":"a\\nb"}',
    '{"access_token":"ü"}',
  ])('a reply that holds no token: %s', async (body) => {
    await using diode = await FakeDiode.start();
    diode.token.fail({ status: 200, body });
    expect((await failureOf(source(diode).get(noSignal))).message).toContain('holds no access_token');
  });
});
