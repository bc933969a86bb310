import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { receiptOf } from './kept-delivery.ts';
import { viewOf } from './names-registry.ts';
import { finish, openedRun } from './runs.ts';
import { TestApi } from './support.ts';

interface Operation {
  summary: string;
  security?: object[];
  parameters?: { name: string; schema: object }[];
  responses: Record<
    string,
    { description: string; content?: Record<string, { schema?: { $ref: string }; example?: unknown }> }
  >;
}

interface OpenApi {
  openapi: string;
  info: { version: string };
  security: object[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
}

const ALSO_A_NAME: Record<string, string[]> = {
  '/api/v1/policies/validate': ['get', 'put', 'delete'],
  '/api/v1/dead-letters/retry': ['get', 'delete'],
};

let api: TestApi;
let document: OpenApi;
beforeAll(async () => {
  api = await TestApi.start();
  document = (await api.get('/openapi.json')).json() as OpenApi;
});
afterAll(() => api[Symbol.asyncDispose]());

/** The schema that the document gives to an answer, as something that checks. */
function schemaOf(path: string, method: string, status: number) {
  const ref = document.paths[path]?.[method]?.responses[status]?.content?.['application/json']?.schema?.$ref;
  if (ref === undefined) throw new Error(`no schema for ${status} of ${method} ${path}`);
  return schemaNamed(ref.split('/').at(-1) ?? '');
}

function schemaNamed(name: string) {
  // zod takes no integer past 2^53; that such ones are written as they should be is the status's own test.
  const local = JSON.stringify(document.components.schemas)
    .replaceAll('#/components/schemas/', '#/$defs/')
    .replaceAll('"type":"integer","format":"int64"', '"type":"number"');
  return z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs: JSON.parse(local) });
}

describe('/openapi.json', () => {
  test('is OpenAPI 3.1 of this version', async () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    expect((await api.get('/openapi.json')).headers['content-type']).toBe('application/json; charset=utf-8');
  });

  test('describes the routes that there are', async () => {
    for (const [path, item] of Object.entries(document.paths)) {
      const methods = Object.keys(item).filter((key) => key !== 'parameters');
      const answer = await api.call(path.replaceAll(/\{\w+\}/g, 'x'), { method: 'OPTIONS' });
      const allowed = answer.headers.allow?.toLowerCase().split(', ');
      expect([path, answer.status]).toEqual([path, 405]);
      // A policy or a dead letter may have this name.
      const asName = ALSO_A_NAME[path] ?? [];
      expect(allowed).toEqual([...methods, ...asName]);
    }
  });

  test('says what a daemon with locks asks for, and that probes need nothing', () => {
    expect(Object.keys(document.components.securitySchemes)).toEqual(['token', 'certificate']);
    expect(document.security).toEqual([{ token: [] }, { certificate: [] }, {}]);
    for (const [path, { parameters, ...methods }] of Object.entries(document.paths)) {
      const isProbe = path === '/healthz' || path === '/readyz';
      for (const [method, { security, responses }] of Object.entries(methods)) {
        expect([path, security, 401 in responses]).toEqual([path, isProbe ? [] : undefined, !isProbe]);
        if (method !== 'get') expect(responses).toHaveProperty('403');
      }
    }
  });

  test('describes every route', async () => {
    const known = [
      '/api/v1/status',
      '/api/v1/capabilities',
      '/api/v1/policies',
      '/api/v1/policies/validate',
      '/api/v1/policies/{name}',
      '/api/v1/policies/{name}/runs',
      '/api/v1/runs',
      '/api/v1/runs/{id}',
      '/api/v1/runs/{id}/cancel',
      '/api/v1/runs/{id}/log',
      '/api/v1/runs/{id}/trace',
      '/api/v1/dead-letters',
      '/api/v1/dead-letters/retry',
      '/api/v1/dead-letters/{id}',
      '/api/v1/dead-letters/{id}/retry',
      '/healthz',
      '/readyz',
      '/metrics',
      '/openapi.json',
      '/docs',
      '/redoc',
    ];
    expect(Object.keys(document.paths).sort()).toEqual(known.sort());
  });

  test('gives each of its examples the shape that it promises', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(item)) {
        for (const [status, { content }] of Object.entries(responses ?? {})) {
          const media = content?.['application/json'];
          if (media?.schema)
            expect(schemaOf(path, method, Number(status)).parse(media.example)).toEqual(media.example);
        }
      }
    }
  });

  test('says what a list of runs may be asked', () => {
    const { parameters = [] } = document.paths['/api/v1/runs']?.get ?? {};
    expect(parameters.map(({ name }) => name)).toEqual(['policy', 'status', 'limit', 'cursor']);
    expect(parameters[2]?.schema).toEqual({ type: 'integer', minimum: 1, maximum: 1000, default: 100 });
  });

  test('points at nothing that is not there', () => {
    const refs = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? [];
    for (const ref of new Set(refs))
      expect(document.components.schemas).toHaveProperty(ref.split('/').at(-1) ?? '');
  });

  test('tells the truth about real replies', async () => {
    const warning = { field: 'policies.p.scope', line: undefined, column: undefined, message: 'x' };
    api.registry.views.set('p', viewOf('p', { warnings: [warning], nextRunAt: Date.now() }));
    for (const status of ['completed', 'failed'] as const) {
      const run = openedRun('p', { progress: { done: 1, total: undefined } });
      api.events.emit('run:opened', { run });
      finish(api.events, run, status, 'why');
    }
    const open = openedRun('p');
    api.events.emit('run:opened', { run: open });
    const line = { at: Date.now(), level: 'warn', message: 'half done' } as const;
    api.events.emit('run:logged', { run: open, line });
    api.delivery.receiptsOf.set(open.id, [receiptOf(), receiptOf({ outcome: 'waiting', keptAt: undefined })]);
    api.delivery.waiting = {
      waitingBatches: 1,
      oldestAgeMs: 1_234.5,
      lastError: { at: Date.now(), message: 'away' },
    };
    const letter = api.delivery.letters.add([{ site: { name: 'Lab' } }]);

    for (const [path, called, status] of [
      ['/api/v1/status', '/api/v1/status', 200],
      ['/api/v1/capabilities', '/api/v1/capabilities', 200],
      ['/api/v1/policies', '/api/v1/policies', 200],
      ['/api/v1/policies/{name}', '/api/v1/policies/p', 200],
      ['/api/v1/policies/{name}', '/api/v1/policies/q', 404],
      ['/api/v1/runs', '/api/v1/runs', 200],
      ['/api/v1/runs', '/api/v1/runs?limit=0', 400],
      ['/api/v1/runs/{id}', `/api/v1/runs/${open.id}`, 200],
      ['/api/v1/runs/{id}', '/api/v1/runs/x', 404],
      ['/api/v1/runs/{id}/log', `/api/v1/runs/${open.id}/log`, 200],
      ['/api/v1/runs/{id}/log', '/api/v1/runs/x/log', 404],
      ['/api/v1/runs/{id}/trace', `/api/v1/runs/${open.id}/trace`, 200],
      ['/api/v1/runs/{id}/trace', `/api/v1/runs/${open.id}/trace?limit=0`, 400],
      ['/api/v1/runs/{id}/trace', '/api/v1/runs/x/trace', 404],
      ['/api/v1/dead-letters', '/api/v1/dead-letters', 200],
      ['/api/v1/dead-letters', '/api/v1/dead-letters?limit=0', 400],
      ['/api/v1/dead-letters/{id}', `/api/v1/dead-letters/${letter.id}`, 200],
      ['/api/v1/dead-letters/{id}', '/api/v1/dead-letters/x', 404],
      ['/healthz', '/healthz', 200],
      ['/readyz', '/readyz', 200],
    ] as const) {
      const answer = await api.get(called);
      expect(answer.status).toBe(status);
      const reply = answer.json();
      expect(schemaOf(path, 'get', status).parse(reply)).toEqual(reply);
    }
  });
});

describe('/docs', () => {
  test('is one page that runs its own script alone and asks for nothing from elsewhere', async () => {
    const page = await api.get('/docs');
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = page.headers['content-security-policy'];
    expect(policy).toMatch(/^default-src 'none'; .*connect-src 'self'; /);
    expect(policy).not.toContain('unsafe');
    for (const tag of ['style', 'script']) {
      const parts = [...page.text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))];
      const hashes = parts.map(([, text = '']) => createHash('sha256').update(text).digest('base64'));
      expect(hashes).toHaveLength(1);
      expect(policy).toContain(`${tag}-src 'sha256-${hashes[0]}';`);
    }
    const markup = page.text.replace(/<script>.*<\/script>/s, '');
    expect(markup).not.toMatch(/<script|\bon\w+=|https?:|@import|url\(/i);
    const targets = [...page.text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target]) => target);
    expect(targets.filter((target) => !target?.startsWith('#'))).toEqual(['data:,', 'openapi.json']);
    for (const target of targets.filter((target) => target?.startsWith('#'))) {
      expect(page.text).toContain(`id="${target?.slice(1)}"`);
    }
  });

  test('shows every route, its summary and its answers', async () => {
    const { text } = await api.get('/docs');
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, { summary }] of Object.entries(item)) {
        if (method === 'parameters') continue;
        expect(text).toContain(`<h2><code>${method.toUpperCase()} ${path}</code></h2>\n<p>${summary}.</p>`);
      }
    }
    expect(text).toContain('&quot;detail&quot;: &quot;Invalid YAML format&quot;');
    expect(text).toContain('policies:\n  edge:\n    config:\n      package: host\n');
  });

  test.each(['/docs/package.json', '/docs/..%2fpackage.json', '/docs/../package.json'])(
    'has no part %s',
    async (path) => {
      expect((await api.get(path)).status).toBe(404);
    },
  );

  test('is what /redoc leads to', async () => {
    const answer = await fetch(`http://127.0.0.1:${api.port}/redoc`);
    expect([answer.status, new URL(answer.url).pathname]).toEqual([200, '/docs']);
  });
});
