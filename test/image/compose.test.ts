import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Container, docker } from './container.ts';

const service = z.strictObject({
  image: z.literal('worker:develop').optional(),
  build: z.strictObject({
    context: z.literal('..'),
    dockerfile: z.literal('docker/Dockerfile'),
    target: z.string().optional(),
  }),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).default([]),
  depends_on: z.array(z.string()).optional(),
  restart: z.string().optional(),
  read_only: z.boolean().default(false),
  tmpfs: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  init: z.boolean().default(false),
});
type Service = z.output<typeof service>;

const compose = z.strictObject({
  services: z.strictObject({ 'orb-worker': service, diode: service }),
  volumes: z.strictObject({ kept: z.null() }),
});

/** A service as `docker compose up` would start it, but on this machine's network, where it is called `diode`, too. */
function start(name: string, { command, ...rest }: Service): Promise<Container> {
  const flags = [
    ...Object.entries(rest.environment).map(([key, value]) => `--env=${key}=${value}`),
    ...rest.tmpfs.map((folder) => `--tmpfs=${folder}`),
    ...rest.cap_drop.map((capability) => `--cap-drop=${capability}`),
    ...rest.security_opt.map((option) => `--security-opt=${option}`),
    // Without its name it goes with the container.
    ...rest.volumes.map((volume) => `--volume=${volume.replace(/^kept:/, '')}`),
    ...(rest.read_only ? ['--read-only'] : []),
    ...(rest.init ? ['--init'] : []),
    '--add-host=diode:127.0.0.1',
  ];
  const words = command.map((word) => word.replaceAll('$$', '$'));
  return Container.start(words, { flags, image: name });
}

test('the compose file delivers to its stand-in for Diode, which shows what it gets', async () => {
  const { services } = compose.parse(load(readFileSync('docker/compose.yaml', 'utf8')));
  const { diode, 'orb-worker': worker } = services;
  // Everything up to that stage is built already.
  const { dockerfile, target = '' } = diode.build;
  await docker(
    'build',
    '--network',
    'host',
    '--target',
    target,
    '--tag',
    'worker:stand-in',
    '--file',
    dockerfile,
    '.',
  );

  await using standIn = await start('worker:stand-in', diode);
  await standIn.line(/^Listening on /);
  await using container = await start('worker:develop', worker);
  const devices = [{ name: 'r1', address: '192.0.2.1/24' }];
  expect(await container.runOnce('sample', devices, { site: 'Lab' })).toContain(
    'Successfully ingested 2 entities',
  );
  await standIn.line(/^2 entities of orb-worker-sample: /);
  await standIn.line(/"ip_address":\{"address":"192\.0\.2\.1\/24"/);
  await docker('restart', container.id);
  await container.line(/Going on with 1 policies/);
  for (const [name, each] of [
    ['worker', container],
    ['stand-in', standIn],
  ] as const) {
    await docker('stop', each.id);
    expect(`${name} ${await each.inspect('{{.State.ExitCode}}')}`).toBe(`${name} 0`);
  }
});
