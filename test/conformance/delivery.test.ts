import { describe, expect, test } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { RealDaemon } from '../support/real-daemon.ts';
import { backendsDir, policy } from './support.ts';

// Cases 55 to 61 of the sheet: what a Diode gets from the built program.

const clientId = 'id & more';
const clientSecret = 'a secret=with&signs';

const startFor = (target: string, flags: readonly string[] = []): Promise<RealDaemon> =>
  RealDaemon.start(
    ['--diode-target', target, '-c', '${ID}', '-k', '${SECRET}', '--backends-dir', backendsDir, ...flags],
    { env: { ID: clientId, SECRET: clientSecret } },
  );

const ended = /^(INFO|ERROR): .*Policy (\S+): (?!One-time)/;

interface RunReply {
  readonly status: string;
  readonly reason: string;
  readonly entity_count: number;
}

const latestRun = async (daemon: RealDaemon): Promise<RunReply | undefined> =>
  (await daemon.request('/api/v1/runs')).json<{ runs: RunReply[] }>().runs[0];

describe('a run of the built program', () => {
  test('55 two policies arrive as two requests, each with its own id and run', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('first', 'pkg'));
    await daemon.apply(policy('second', 'pkg'));
    await diode.received(2);
    const [one, two] = diode.ingested;
    expect(one?.id).not.toBe(two?.id);
    expect(one?.metadata.run_id).not.toBe(two?.metadata.run_id);
    expect(new Set([one?.metadata.policy_name, two?.metadata.policy_name])).toEqual(
      new Set(['first', 'second']),
    );
    for (const request of diode.ingested) {
      expect(request).toMatchObject({ stream: 'latest', sdk_name: 'orb-worker', producer_app_name: 'n/1' });
      for (const entity of request.entities ?? []) {
        expect(entity).toMatchObject({ device: { metadata: { run_id: request.metadata.run_id } } });
      }
    }
  });

  test('56 credentials reach the token endpoint intact, and its token every call', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await startFor(diode.target, ['--diode-app-name-prefix', 'edge']);
    await daemon.apply(policy('p', 'pkg'));
    await diode.received(1);
    expect(diode.tokenRequests[0]?.form).toMatchObject({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'diode:ingest',
    });
    expect(diode.requests[0]?.metadata.authorization).toMatch(/^Bearer .+/);
    expect(diode.ingested[0]?.producer_app_name).toBe('edge/n/1');
    expect(daemon.lines.join('\n')).not.toContain(clientSecret);
  });

  test('57 the path of the target stands before token and service', async () => {
    await using diode = await FakeDiode.start({ path: '/a/b' });
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('p', 'pkg'));
    await diode.received(1);
    expect(diode.tokenRequests[0]?.path).toBe('/a/b/auth/token');
    expect(diode.requests[0]?.path).toBe('/a/b/diode.v1.IngesterService/Ingest');
  });

  test('58 a token that is refused once is replaced, for the same request', async () => {
    await using diode = await FakeDiode.start();
    diode.ingest.fail({ status: 16, message: 'expired' });
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('p', 'pkg'));
    await daemon.line(/Policy p: Successfully ingested 2 entities/);
    expect(diode.requests).toHaveLength(2);
    expect(diode.tokenRequests).toHaveLength(2);
  });

  test('58 a token that is always refused fails the run after three attempts', async () => {
    await using diode = await FakeDiode.start();
    diode.ingest.failAlways({ status: 16, message: 'no' });
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('p', 'pkg'));
    await daemon.line(/^ERROR: .*Policy p: /);
    expect(diode.requests).toHaveLength(3);
    expect(await latestRun(daemon)).toMatchObject({ status: 'failed', entity_count: 0 });
  });

  test('59 a Diode that is away for a moment gets its entities when it is back', async () => {
    await using diode = await FakeDiode.start();
    diode.ingest.fail({ status: 14, message: 'restarting' }, 2);
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('p', 'pkg'));
    await daemon.line(/Policy p: Successfully ingested 2 entities/);
    expect(diode.acknowledged).toMatchObject({ calls: 1, entities: 2 });
  });

  test('59 errors in the reply fail the run with their words', async () => {
    await using diode = await FakeDiode.start();
    diode.ingest.failAlways({ reply: Buffer.from([0x0a, 2, 0x65, 0x31]) });
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('p', 'pkg'));
    await daemon.line(/^ERROR: .*Policy p: .*Chunk ingestion failed: \['e1'\]/);
    expect(await latestRun(daemon)).toMatchObject({
      status: 'failed',
      reason: "2 of 2 entities rejected: Chunk ingestion failed: ['e1']",
    });
  });

  test('60 200,000 entities arrive once each, in messages that a server takes', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await startFor(diode.target);
    await daemon.apply(policy('p', 'many', { count: 200_000 }));
    await daemon.line(/Policy p: Successfully ingested 200000 entities/);
    const names = diode.entities.map((entity) => (entity.device as { name: string }).name);
    expect(new Set(names).size).toBe(200_000);
    expect(names).toHaveLength(200_000);
    expect(Math.max(...diode.requests.map((call) => call.size))).toBeLessThan(4 * 1024 * 1024);
    expect(new Set(diode.ingested.map((request) => request.id)).size).toBe(diode.requests.length);
    expect(new Set(diode.ingested.map((request) => request.metadata.run_id)).size).toBe(1);
  });

  test('61 without credentials entities go as OTLP logs, and no token is asked for', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await RealDaemon.start(['-t', diode.target, '--backends-dir', backendsDir]);
    await daemon.apply(policy('p', 'pkg'));
    await daemon.line(ended);
    expect(diode.exports).toHaveLength(1);
    expect(diode.exports[0]?.metadata.authorization).toBeUndefined();
    expect(diode.tokenRequests).toEqual([]);
  });

  test('a Diode that is not there fails nothing but runs, and says so', async () => {
    const diode = await FakeDiode.start();
    const { target } = diode;
    await diode[Symbol.asyncDispose]();
    await using daemon = await startFor(target);
    const ready = await daemon.request('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.json()).toMatchObject({ status: 'degraded' });
    expect((await daemon.apply(policy('p', 'pkg'))).status).toBe(201);
  });
});
