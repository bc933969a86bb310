import type { Entity } from 'orb-worker';
import { describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import sample from '../src/index.ts';

const r1 = { name: 'r1', address: '192.0.2.1/24' };

async function run(scope: unknown, config: object = { site: 'Lab' }) {
  const lines: string[] = [];
  const progress: [done: number, total: number | undefined][] = [];
  const write = (message: string): void => void lines.push(message);
  const policy = {
    config: sample.config?.parse(config) ?? expect.fail('a config schema'),
    scope: sample.scope?.parse(scope) ?? expect.fail('a scope schema'),
  };
  const context = {
    runId: 'r',
    policyName: 'p',
    signal: new AbortController().signal,
    log: { debug: write, info: write, warn: write, error: write },
    progress: (done: number, total?: number) => void progress.push([done, total]),
    ingest: () => Promise.resolve(),
    recordFailure: () => undefined,
  };
  const entities: Entity[] = [];
  for await (const entity of await sample.run(policy, context)) entities.push(entity);
  return { entities, lines, progress };
}

describe('the sample', () => {
  test('describes itself with the version of its package', async () => {
    expect(await sample.describe()).toMatchObject({ name: 'sample', app_version: manifest.version });
  });

  test('yields a device and its address', async () => {
    const { entities, progress, lines } = await run([r1]);
    const device = {
      name: 'r1',
      site: 'Lab',
      role: 'router',
      device_type: 'Sample',
      manufacturer: 'Generic',
    };
    expect(entities).toEqual([
      { device },
      {
        ip_address: {
          address: '192.0.2.1/24',
          assigned_object_interface: { device, name: 'mgmt0', type: 'virtual' },
        },
      },
    ]);
    expect(progress).toEqual([[1, 1]]);
    expect(lines).toEqual(['yielded 1 devices']);
  });

  test('reads a map as the list that it is short for', async () => {
    const list = await run([r1, { name: 'r2', address: '2001:db8::2/64' }, { name: 'r3' }]);
    const map = await run({ r1: r1.address, r2: '2001:db8::2/64', r3: null });
    expect(map).toEqual(list);
    expect(map.lines).toContain('r3 has no address');
  });

  test.each([
    ['an address without prefix length', [{ name: 'r1', address: '192.0.2.1' }], [0, 'address']],
    ['the same in a map', { r1: 'x' }, [0, 'address']],
    ['an unknown key', [{ ...r1, site: 'x' }], [0]],
    ['a device without a name', [{ address: r1.address }], [0, 'name']],
    ['no scope', null, []],
    ['text', 'r1', []],
  ])('refuses %s, and says where', (_, scope, path) => {
    const { error } = sample.scope?.safeParse(scope) ?? expect.fail('a scope schema');
    expect(error?.issues.map((issue) => issue.path)).toEqual([path]);
  });

  test('wants a site', () => {
    expect(sample.config?.safeParse({ package: 'sample' }).success).toBe(false);
  });
});
