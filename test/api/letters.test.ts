import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { TestApi } from './support.ts';

interface LetterPage {
  dead_letters: { id: string; policy: string }[];
  next_cursor: string | null;
}

const DEVICE = { device: { name: 'r1', site: { name: 'Lab' } } };
const LETTERS = '/api/v1/dead-letters';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api[Symbol.asyncDispose]());

const page = async (query = '') => (await api.get(`${LETTERS}${query}`)).json() as LetterPage;

describe('dead letters', () => {
  test('one is shown with what it holds and why it was refused', async () => {
    const letter = api.delivery.letters.add([DEVICE, { site: { name: 'Lab' } }]);
    const shown = {
      id: letter.id,
      policy: 'edge',
      run: letter.runId,
      request_id: letter.batchId,
      entity_count: 2,
      bytes: letter.byteLength,
      reason: 'device name is not allowed',
      rejected_at: '2026-01-02T03:04:05.678Z',
    };
    expect(await page()).toEqual({ dead_letters: [shown], next_cursor: null });
    const answer = await api.get(`${LETTERS}/${letter.id}`);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.json()).toMatchObject({
      ...shown,
      entities: [{ device: { name: 'r1', site: { name: 'Lab' } } }, { site: { name: 'Lab' } }],
      more_entities: 0,
    });
  });

  test.each(['otlp', 'json'] as const)('those of %s are shown as well', async (encoding) => {
    const { id } = api.delivery.letters.add([DEVICE], { encoding });
    expect((await api.get(`${LETTERS}/${id}`)).json()).toMatchObject({ entities: [DEVICE] });
  });

  test('of a large one the first hundred entities are shown, and of very large entities the first', async () => {
    const many = api.delivery.letters.add(Array.from({ length: 130 }, () => DEVICE));
    const shown = (await api.get(`${LETTERS}/${many.id}`)).json() as { entities: unknown[] };
    expect(shown).toMatchObject({ entity_count: 130, more_entities: 30 });
    expect(shown.entities).toHaveLength(100);
    const huge = { site: { name: 'Lab', comments: 'x'.repeat(800_000) } };
    const { id } = api.delivery.letters.add([huge, huge, huge]);
    expect((await api.get(`${LETTERS}/${id}`)).json()).toMatchObject({ entities: [huge], more_entities: 2 });
  });

  test('pages follow each other, oldest first, with nothing twice', async () => {
    const ids = Array.from({ length: 25 }, () => api.delivery.letters.add([DEVICE]).id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const found: LetterPage = await page(`?limit=10${cursor && `&cursor=${cursor}`}`);
      seen.push(...found.dead_letters.map(({ id }) => id));
      cursor = found.next_cursor;
    }
    expect(seen).toEqual(ids);
  });

  test('a cursor whose letter is gone is refused: nobody knows what comes behind it', async () => {
    const { id } = api.delivery.letters.add([DEVICE]);
    api.delivery.letters.add([DEVICE]);
    expect((await page(`?cursor=${id}`)).dead_letters).toHaveLength(1);
    await api.call(`${LETTERS}/${id}`, { method: 'DELETE' });
    const answer = await api.get(`${LETTERS}?cursor=${id}`);
    expect([answer.status, answer.json()]).toEqual([
      400,
      { detail: 'cursor: the dead letter that it names is gone; begin anew without it' },
    ]);
  });

  test('policy and run narrow the list', async () => {
    const { letters } = api.delivery;
    const wanted = letters.add([DEVICE], { policy: 'a b', runId: 'r1' });
    letters.add([DEVICE], { policy: 'a b', runId: 'r2' });
    letters.add([DEVICE], { policy: 'other', runId: 'r1' });
    expect(await page('?policy=a%20b&run=r1')).toMatchObject({ dead_letters: [{ id: wanted.id }] });
    expect((await page('?run=r1')).dead_letters).toHaveLength(2);
    expect(await page('?run=r3')).toEqual({ dead_letters: [], next_cursor: null });
  });

  test.each([
    ['limit=0', 'limit', 'a whole number from 1 to 1000'],
    ['limit=1&limit=2', 'limit', 'a whole number from 1 to 1000'],
    ['policy=a&policy=b', 'policy', 'one name'],
    ['run=a&run=b', 'run', 'one id'],
    ['cursor=a&cursor=b', 'cursor', 'one cursor'],
  ])('?%s is refused', async (query, name, wanted) => {
    const answer = await api.get(`${LETTERS}?${query}`);
    expect([answer.status, answer.json()]).toEqual([
      400,
      { detail: `query parameter '${name}': expected ${wanted}` },
    ]);
  });

  test('one is sent again under a new request id, or dropped, and then gone', async () => {
    const { letters } = api.delivery;
    const [first, second] = [letters.add([DEVICE]), letters.add([DEVICE])];
    const retried = await api.call(`${LETTERS}/${first.id}/retry`, { method: 'POST' });
    expect([retried.status, retried.json()]).toEqual([202, { request_id: `again-${first.id}` }]);
    const dropped = await api.call(`${LETTERS}/${second.id}`, { method: 'DELETE' });
    expect([dropped.status, dropped.json()]).toEqual([
      200,
      { detail: `dead letter '${second.id}' was dropped` },
    ]);
    for (const { id } of [first, second]) {
      for (const [method, path] of [
        ['GET', id],
        ['DELETE', id],
        ['POST', `${id}/retry`],
      ] as const) {
        const answer = await api.call(`${LETTERS}/${path}`, { method });
        expect([answer.status, answer.json()]).toEqual([404, { detail: `dead letter '${id}' not found` }]);
      }
    }
  });

  test('all that a filter leaves are sent again or dropped, and counted', async () => {
    const { letters } = api.delivery;
    for (let n = 0; n < 40; n += 1) letters.add([DEVICE], { policy: n % 2 ? 'odd' : 'even' });
    const retried = await api.call(`${LETTERS}/retry?policy=odd`, { method: 'POST' });
    expect([retried.status, retried.json()]).toEqual([202, { retried: 20 }]);
    expect((await page('?policy=odd')).dead_letters).toEqual([]);
    const dropped = await api.call(LETTERS, { method: 'DELETE' });
    expect([dropped.status, dropped.json()]).toEqual([200, { dropped: 20 }]);
    expect(letters.count).toBe(0);
  });

  test.each([
    ['DELETE', '?polcy=odd', 'polcy'],
    ['DELETE', '?policy=odd&limit=1', 'limit'],
    ['POST', '/retry?run_id=1', 'run_id'],
  ])('%s %s is refused: a misspelt filter is not all of them', async (method, path, name) => {
    const { letters } = api.delivery;
    letters.add([DEVICE], { policy: 'even' });
    const answer = await api.call(`${LETTERS}${path}`, { method });
    expect([answer.status, answer.json()]).toEqual([
      400,
      { detail: `query parameter '${name}' is not known here, only: policy, run` },
    ]);
    expect([letters.count, letters.retried]).toEqual([1, []]);
  });

  test('what is refused again at once is not sent for ever', async () => {
    const { letters } = api.delivery;
    letters.onRetry = () => letters.add([DEVICE], { policy: 'stubborn' });
    for (let n = 0; n < 20; n += 1) letters.add([DEVICE], { policy: 'stubborn' });
    for (let n = 0; n < 20; n += 1) letters.add([DEVICE]);
    const retried = await api.call(`${LETTERS}/retry?policy=stubborn`, { method: 'POST' });
    expect(retried.json()).toEqual({ retried: 20 });
    expect(letters.count).toBe(40);
  });

  test('what cannot be kept now is refused', async () => {
    const { letters } = api.delivery;
    letters.onRetry = () => {
      throw new UnavailableError('no space left on the device');
    };
    const [one] = [letters.add([DEVICE]), letters.add([DEVICE])];
    for (const path of [`${one?.id}/retry`, 'retry']) {
      const answer = await api.call(`${LETTERS}/${path}`, { method: 'POST' });
      expect([answer.status, answer.json()]).toEqual([503, { detail: 'no space left on the device' }]);
    }
  });

  test('a page of another site may send none again', async () => {
    const { id } = api.delivery.letters.add([DEVICE]);
    for (const path of [`${id}/retry`, 'retry']) {
      const headers = { origin: 'http://elsewhere.example', 'sec-fetch-site': 'cross-site' };
      const answer = await api.call(`${LETTERS}/${path}`, { method: 'POST', headers });
      expect(answer.status).toBe(403);
    }
    expect(api.delivery.letters.retried).toEqual([]);
  });
});

test('a token that may only look may look at them', async () => {
  await using locked = await TestApi.start({
    locks: { apiReadTokens: [{ kind: 'text', token: 'looker' }] },
  });
  const { id } = locked.delivery.letters.add([DEVICE]);
  const headers = { authorization: 'Bearer looker' };
  for (const path of [LETTERS, `${LETTERS}/${id}`]) {
    expect((await locked.call(path, { headers })).status).toBe(200);
    expect((await locked.call(path, {})).status).toBe(401);
    expect((await locked.call(path, { method: 'DELETE', headers })).status).toBe(403);
    expect((await locked.call(`${path}/retry`, { method: 'POST', headers })).status).toBe(403);
  }
  expect(locked.delivery.letters.count).toBe(1);
});
