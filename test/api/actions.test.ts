import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BadRequestError, ConflictError, ValidationError } from '../../src/errors.ts';
import type { Run } from '../../src/run/run.ts';
import { finish, openedRun } from './runs.ts';
import { TestApi } from './support.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api[Symbol.asyncDispose]());

const yaml = { 'content-type': 'application/x-yaml' };

function put(path: string, body = 'x', headers: Record<string, string> = yaml) {
  return api.call(`/api/v1/policies/${path}`, { method: 'PUT', body, headers });
}

const post = (path: string, headers: Record<string, string> = {}, body?: string) =>
  api.call(path, { method: 'POST', headers, ...(body === undefined ? {} : { body }) });

describe('PUT of a policy', () => {
  test('says whether it is new, took the place of another, or was there already', async () => {
    const answers = [await put('a'), await put('a'), await put('a', 'same')];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [201, '{"detail":"policy \'a\' was started"}'],
      [200, '{"detail":"policy \'a\' was replaced"}'],
      [200, '{"detail":"policy \'a\' is unchanged"}'],
    ]);
  });

  test('takes the name from the path, as it was written', async () => {
    const names = ['a b', 'ünï☃', 'a/b', 'validate', 'x'.repeat(10_000)];
    for (const name of names) expect((await put(encodeURIComponent(name))).status).toBe(201);
    expect(api.registry.replacements.map(({ name }) => name)).toEqual(names);
  });

  test('cancels runs when it is told to, and takes no other word for that', async () => {
    for (const query of ['', '?cancel=false', '?cancel=true']) await put(`a${query}`);
    expect(api.registry.replacements.map(({ cancelRuns }) => cancelRuns)).toEqual([false, false, true]);
    for (const query of ['maybe', '', '1', 'TRUE', 'true&cancel=true']) {
      const answer = await put(`a?cancel=${query}`);
      expect([answer.status, answer.json()]).toEqual([
        400,
        { detail: "query parameter 'cancel': expected true or false" },
      ]);
    }
    expect((await put('a?cancle=true')).json()).toEqual({
      detail: "query parameter 'cancle' is not known here, only: cancel",
    });
    expect(api.registry.replacements).toHaveLength(3);
  });

  test('wants YAML, uncompressed, as POST does', async () => {
    expect((await put('a', 'x', { 'content-type': 'application/json' })).status).toBe(400);
    expect((await put('a', 'x', {})).status).toBe(400);
    expect((await put('a', 'x', { ...yaml, 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await put('a', 'x', { 'content-type': 'Application/X-YAML; charset=utf-8' })).status).toBe(201);
  });

  test('needs a name', async () => {
    expect((await put('')).status).toBe(307);
    expect((await api.call('/api/v1/policies', { method: 'PUT' })).headers.allow).toBe('GET, POST');
  });
});

describe('running a policy now', () => {
  test('answers with the run, and where to look at it later', async () => {
    await api.post(['a']);
    const answer = await post('/api/v1/policies/a/runs');
    const run = answer.json() as { id: string };
    expect(answer.status).toBe(202);
    expect(run).toMatchObject({ policy: 'a', trigger: 'submit', status: 'pending', started_at: null });
    expect(answer.headers.location).toBe(`/api/v1/runs/${run.id}`);
  });

  test('takes no notice of a body, nor of its type', async () => {
    await api.post(['a']);
    for (const type of ['application/json', 'text/plain', ';;', 'application/x-www-form-urlencoded']) {
      expect((await post('/api/v1/policies/a/runs', { 'content-type': type }, '{}')).status).toBe(202);
    }
    expect((await post('/api/v1/policies/a/runs', {}, 'x')).status).toBe(202);
  });

  test('a policy that is not there, one that may not run now', async () => {
    expect((await post('/api/v1/policies/a/runs')).json()).toEqual({ detail: "policy 'a' not found" });
    await api.post(['a']);
    api.registry.onSubmit = () => {
      throw new ConflictError('not now');
    };
    const answer = await post('/api/v1/policies/a/runs');
    expect([answer.status, answer.json()]).toEqual([409, { detail: 'not now' }]);
  });
});

describe('cancelling a run', () => {
  function open(): Run {
    const run = openedRun('a');
    api.events.emit('run:opened', { run });
    return run;
  }

  test('answers with the run', async () => {
    const run = open();
    const asked: string[][] = [];
    api.cancelRun = (id, reason) => {
      asked.push([id, reason]);
      return run;
    };
    const answer = await post(`/api/v1/runs/${run.id}/cancel`);
    expect([answer.status, answer.json()]).toMatchObject([202, { id: run.id, policy: 'a' }]);
    expect(asked).toEqual([[run.id, 'cancelled on request']]);
  });

  test('that has ended says how', async () => {
    const run = finish(api.events, open(), 'failed', 'why');
    const answer = await post(`/api/v1/runs/${run.id}/cancel`);
    expect([answer.status, answer.json()]).toEqual([
      409,
      { detail: `run '${run.id}' has ended: it is failed` },
    ]);
  });

  test.each(['x', '7', '%00', '..%2f..', 'a'.repeat(5_000), '7f7c2b4e-0d5c-4f6e-9a53-3b1d7c9f1a10'])(
    '%j is no run',
    async (id) => {
      expect((await post(`/api/v1/runs/${id}/cancel`)).status).toBe(404);
      expect((await api.get(`/api/v1/runs/${id}`)).status).toBe(404);
    },
  );
});

describe('looking at a document', () => {
  test('answers with its policies', async () => {
    const answer = await post('/api/v1/policies/validate', yaml, '["a","b"]');
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        policies: ['a', 'b'].map((name) => ({
          name,
          backend: { package: 'pkg', version: '1.0.0' },
          next_run_at: null,
          warnings: [],
        })),
      },
    ]);
    expect([...api.registry.names()]).toEqual([]);
  });

  test('shows findings with their places', async () => {
    const path = ['policies', 'a'];
    api.registry.validate = async () => {
      throw new ValidationError([{ path, field: 'policies.a', type: 'missing', error: 'x' }], () => ({
        line: 3,
        column: 5,
      }));
    };
    const answer = await post('/api/v1/policies/validate', yaml, 'x');
    expect([answer.status, answer.json()]).toEqual([
      403,
      { detail: [{ field: 'policies.a', type: 'missing', error: 'x', line: 3, column: 5 }] },
    ]);
  });

  test('is refused as it would be when it is applied', async () => {
    expect((await post('/api/v1/policies/validate', {}, '[]')).status).toBe(400);
    api.registry.validate = async () => {
      throw new BadRequestError('Invalid YAML format');
    };
    const answer = await post('/api/v1/policies/validate', yaml, '{');
    expect([answer.status, answer.json()]).toEqual([400, { detail: 'Invalid YAML format' }]);
  });
});

describe('what a browser would send for a page of another site', () => {
  const paths = ['/api/v1/policies/a/runs', '/api/v1/runs/x/cancel'];

  test.each([
    { origin: 'https://example.com' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://a.example' },
  ])('is refused: %j', async (headers) => {
    await api.post(['a']);
    for (const path of paths) {
      const answer = await post(path, headers);
      expect([answer.status, answer.json()]).toEqual([
        403,
        { detail: 'a page of another site may not ask for this' },
      ]);
    }
  });

  test('what comes from the own page, or from no page, is not', async () => {
    await api.post(['a']);
    const own = `127.0.0.1:${api.port}`;
    for (const headers of [
      { origin: `http://${own}` },
      { origin: `https://proxy.example`, 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ]) {
      expect((await post('/api/v1/policies/a/runs', headers)).status).toBe(202);
    }
  });
});
