import os from 'node:os';
import type { Entity } from 'orb-worker';
import { expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import backend from '../src/index.ts';
import { scopeSchema } from '../src/scope.ts';

test('describes itself with the version of its package', () => {
  expect(backend.describe()).toMatchObject({
    name: 'host',
    app_name: 'orb-worker-host',
    app_version: manifest.version,
  });
});

test('yields the entities of this machine, tells its progress and writes a line', async () => {
  const lines: string[] = [];
  const progress: [done: number, total: number | undefined][] = [];
  const write = (message: string): void => void lines.push(message);
  const run = backend.run(
    { config: {}, scope: scopeSchema.parse({ site: 'Lab' }) },
    {
      runId: 'r',
      policyName: 'p',
      signal: new AbortController().signal,
      log: { debug: write, info: write, warn: write, error: write },
      progress: (done, total) => void progress.push([done, total]),
      ingest: () => Promise.resolve(),
      recordFailure: () => undefined,
    },
  );
  const entities: Entity[] = [];
  for await (const entity of await run) entities.push(entity);
  expect(entities[0]).toMatchObject({ device: { name: os.hostname(), site: 'Lab' } });
  expect(progress).toHaveLength(entities.length);
  expect(progress.at(-1)).toEqual([entities.length, entities.length]);
  expect(lines).toEqual([`found ${entities.length} entities`]);
});
