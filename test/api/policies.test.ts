import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackendError, BadRequestError, UnavailableError, ValidationError } from '../../src/errors.ts';
import { viewOf } from './names-registry.ts';
import { finish, openedRun } from './runs.ts';
import { said, TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api[Symbol.asyncDispose]());

describe('applying', () => {
  test('9 one policy is named plainly, several as a Python list', async () => {
    expect(said(await api.post(["one's"]))).toEqual([201, { detail: "policy 'one's' was started" }]);
    const three = await api.post(['c', 'a', 'b']);
    expect(said(three)).toEqual([201, { detail: "policies ['c', 'a', 'b'] were started" }]);
    expect(three.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  test('10 quotes are written as Python writes them', async () => {
    const answer = await api.post(["x'y", 'z']);
    expect(answer.text).toBe(String.raw`{"detail":"policies [\"x'y\", 'z'] were started"}`);
  });

  test('11 a name that is taken is a conflict', async () => {
    await api.post(['taken']);
    expect(said(await api.post(['taken']))).toEqual([409, { detail: "policy 'taken' already exists" }]);
  });

  test('the document arrives byte by byte as it was sent', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    api.registry.onApply = async () => ['bytes'];
    await api.post(bytes);
    api.registry.onApply = async (document) => api.registry.add(document);
    expect(api.registry.applied.at(-1)?.document).toEqual(bytes);
  });

  test('an empty body is a document without text', async () => {
    api.registry.onApply = async (document) => {
      throw new BadRequestError(`${document.length} bytes`);
    };
    expect(said(await api.post(''))).toEqual([400, { detail: '0 bytes' }]);
    const bodyless = await api.call('/api/v1/policies', {
      method: 'POST',
      headers: { 'content-type': 'application/x-yaml' },
    });
    expect(said(bodyless)).toEqual([400, { detail: '0 bytes' }]);
    api.registry.onApply = async (document) => api.registry.add(document);
  });

  test.each([
    [new BadRequestError('Invalid YAML format'), 400, 'Invalid YAML format'],
    [new BackendError("module 'x' is not there"), 400, "module 'x' is not there"],
    [new UnavailableError('the daemon is stopping'), 503, 'the daemon is stopping'],
    [
      new ValidationError([
        { path: ['policies'], field: 'policies', type: 'missing', error: 'Field required' },
      ]),
      403,
      [{ field: 'policies', type: 'missing', error: 'Field required' }],
    ],
  ])('%s is its own reply, and told if it is the fault of the document', async (error, status, detail) => {
    const told: string[] = [];
    const off = api.events.on('policy:refused', ({ reason }) => told.push(reason));
    api.registry.onApply = async () => {
      throw error;
    };
    expect(said(await api.post([]))).toEqual([status, { detail }]);
    off();
    expect(told).toEqual(status === 503 ? [] : [error.explanation]);
    api.registry.onApply = async (document) => api.registry.add(document);
  });
});

describe('names in paths', () => {
  const names = [
    'ünï☃',
    '😀',
    'a b',
    'a+b',
    'a%2Fb',
    'a?b',
    'a#b',
    "it's",
    'a/b',
    '/',
    '//',
    'a/',
    'a\nb',
    '.',
    '..',
    '%',
    '%zz',
    ':name',
    '__proto__',
    'constructor',
    '\0',
    'x'.repeat(10_000),
    '☃'.repeat(10_000),
    '😀'.repeat(10_000),
  ];

  test.each(names.map((name) => [name.slice(0, 12), name]))(
    '40, 41, 42 %j is found and deleted once',
    async (_shown, name) => {
      expect((await api.post([name])).status).toBe(201);
      const path = `/api/v1/policies/${encodeURIComponent(name).replaceAll('.', '%2E')}`;
      expect((await api.get(path)).json()).toHaveProperty('name', name);
      const remove = () => api.call(path, { method: 'DELETE' });
      expect(said(await remove())).toEqual([200, { detail: `policy '${name}' was deleted` }]);
      expect(said(await remove())).toEqual([404, { detail: `policy '${name}' not found` }]);
    },
  );

  test('any text is found by its escaped name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), async (name) => {
        await api.post([name]);
        expect(said(await api.delete(name))).toEqual([200, { detail: `policy '${name}' was deleted` }]);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ['a+b', 'a+b'],
    ['%zz', '%zz'],
    ['100%', '100%'],
    ['%ff', '\ufffd'],
    ['%E2%98', '\ufffd'],
    ['%25zz', '%zz'],
    ['%c3%bc', 'ü'],
  ])('%s means %j, as it does upstream', async (path, name) => {
    const answer = await api.call(`/api/v1/policies/${path}`, { method: 'DELETE' });
    expect(said(answer)).toEqual([404, { detail: `policy '${name}' not found` }]);
  });

  test('14 a name is free again after its DELETE', async () => {
    await api.post(['again']);
    await api.delete('again');
    expect((await api.post(['again'])).status).toBe(201);
  });

  test('a DELETE may carry a content type and a body', async () => {
    for (const type of ['application/json', 'application/x-yaml', ';;', 'text/plain']) {
      await api.post(['loaded']);
      const headers = { 'content-type': type };
      const path = '/api/v1/policies/loaded';
      expect((await api.call(path, { method: 'DELETE', headers, body: '{}' })).status).toBe(200);
      expect((await api.call(path, { method: 'DELETE', headers })).status).toBe(404);
    }
  });
});

describe('looking at policies', () => {
  test('one shows what was applied, what it does next and what it did', async () => {
    const warning = { field: 'policies.seen.scope.country', line: 8, column: 3, message: "write 'NO'" };
    const view = viewOf('seen', {
      config: { package: 'pkg', schedule: '0 3 * * *', token: '${TOKEN}' },
      scope: [1, null, { deep: ['x'] }],
      run: { overlap: 'allow' },
      timezone: 'Europe/Vienna',
      nextRunAt: Date.UTC(2026, 0, 3, 2),
      warnings: [warning, { ...warning, line: undefined, column: undefined }],
    });
    api.registry.views.set('seen', view);
    const run = openedRun('seen', { entityCount: 3 });
    api.events.emit('run:opened', { run });
    finish(api.events, run, 'completed');

    const shown = (await api.get('/api/v1/policies/seen')).json();
    expect(shown).toEqual({
      name: 'seen',
      status: 'completed',
      config: view.config,
      scope: view.scope,
      run: view.run,
      timezone: 'Europe/Vienna',
      next_run_at: '2026-01-03T02:00:00.000Z',
      warnings: [warning, { ...warning, line: null, column: null }],
      backend: { package: 'pkg', version: '1.0.0' },
      crash_wait: null,
      failure: null,
      setup_fault: null,
      last_run: expect.objectContaining({
        id: run.id,
        status: 'completed',
        entity_count: 3,
        duration_ms: 1240,
      }),
    });
  });

  test('all are listed in the order they were applied', async () => {
    await using fresh = await TestApi.start();
    expect((await fresh.get('/api/v1/policies')).text).toBe('{"policies":[]}');
    await fresh.post(['b', 'a']);
    const summary = {
      status: 'unknown',
      next_run_at: null,
      backend: { package: 'pkg', version: '1.0.0' },
      crash_wait: null,
      failure: null,
      setup_fault: null,
      last_run: null,
    };
    expect((await fresh.get('/api/v1/policies')).json()).toEqual({
      policies: [
        { name: 'b', ...summary },
        { name: 'a', ...summary },
      ],
    });
  });

  test('3 capabilities name the packages', async () => {
    await using fresh = await TestApi.start();
    expect((await fresh.get('/api/v1/capabilities')).text).toBe('{"loaded_modules":[]}');
    await fresh.post(['a']);
    expect((await fresh.get('/api/v1/capabilities')).text).toBe('{"loaded_modules":["pkg"]}');
  });
});
