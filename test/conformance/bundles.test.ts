import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BundlesRoot } from '../support/bundles-root.ts';
import { type Answer, RealDaemon } from '../support/real-daemon.ts';
import { dryRunFlags, policy } from './support.ts';

interface Shown {
  readonly backend: { readonly version: string };
  readonly warnings: readonly { readonly message: string }[];
}

let bundles: BundlesRoot;
let daemon: RealDaemon;
beforeEach(async () => {
  bundles = new BundlesRoot();
  daemon = await RealDaemon.start(dryRunFlags(), { env: { BUNDLES_ROOT_PATH: `${bundles.path}/root` } });
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  bundles[Symbol.dispose]();
});

const source = `export default {
  describe: () => ({ name: 'b', app_name: 'b', app_version: '1' }),
  run: () => [{ site: { name: 'Lab' } }],
};`;

function deploy(version: string, text = source): void {
  bundles.add('root/our-collector', version, text);
  bundles.point('root/our-collector', version);
}

const apply = (name: string): Promise<Answer> =>
  daemon.apply(policy(name, 'our_collector', { schedule: '0 0 1 1 *' }));
const shown = async (name: string): Promise<Shown> =>
  (await daemon.request(`/api/v1/policies/${name}`)).json<Shown>();

/** Runs a policy now; resolves with the run when it is over. */
async function run(name: string): Promise<unknown> {
  const started = await daemon.request(`/api/v1/policies/${name}/runs`, { method: 'POST' });
  expect(started.status, started.text).toBe(202);
  const { id } = started.json<{ id: string }>();
  const look = async () =>
    (await daemon.request(`/api/v1/runs/${id}`)).json<{ finished_at: string | null }>();
  await expect.poll(async () => (await look()).finished_at, { timeout: 10_000 }).not.toBeNull();
  return await look();
}

test('a bundle is deployed, moved, broken and moved back under a daemon that goes on', async () => {
  await daemon.line(/No bundle can be found: their root does not exist yet/);
  expect((await apply('edge')).status).toBe(400);

  mkdirSync(`${bundles.path}/root`);
  deploy('1.0.0');
  expect((await apply('edge')).status).toBe(201);
  expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });

  deploy('2.0.0');
  expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
  const status = (await daemon.request('/api/v1/status')).json<{ policies: unknown }>();
  expect(status.policies).toMatchObject([
    { name: 'edge', backend: { package: 'our_collector', version: '2.0.0' } },
  ]);
  await daemon.line(/Package our_collector: version 2\.0\.0 takes the place of 1\.0\.0 in 1 policy/);

  deploy('3.0.0', `throw new Error('no licence');`);
  expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '2.0.0' } });
  expect(await shown('edge')).toMatchObject({
    backend: { version: '2.0.0' },
    warnings: [{ message: expect.stringMatching(/no licence; runs stay with version 2\.0\.0$/) }],
  });
  expect((await daemon.request('/readyz')).json()).toEqual({ status: 'ok', reasons: [] });
  expect((await apply('other')).status).toBe(400);

  bundles.link('root/our-collector', 'versions/nowhere');
  const refused = await apply('other');
  expect({ status: refused.status, ...refused.json<object>() }).toEqual({
    status: 400,
    detail:
      "Failed to load a backend from package 'our_collector': its bundle's link 'current' leads nowhere",
  });

  bundles.point('root/our-collector', '1.0.0');
  expect(await run('edge')).toMatchObject({ status: 'completed', backend: { version: '1.0.0' } });
  expect((await shown('edge')).warnings).toEqual([]);
  expect((await apply('other')).status).toBe(201);
});
