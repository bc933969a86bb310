import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { type Answer, descendantsOf, RealDaemon, runProgram } from '../support/real-daemon.ts';
import { Collector } from '../telemetry/collector.ts';
import { environment, findPlants, leakySource, planted, policyThat, uses } from './plants.ts';

const headers = { authorization: `Bearer ${planted.fullToken}`, 'content-type': 'application/x-yaml' };

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'orb-worker-secrets-'));
  mkdirSync(path.join(dir, 'backends', 'leaky'), { recursive: true });
  const manifest = { name: 'leaky', version: '1.0.0', type: 'module', main: 'index.js' };
  writeFileSync(path.join(dir, 'backends', 'leaky', 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(dir, 'backends', 'leaky', 'index.js'), leakySource);
  writeFileSync(path.join(dir, 'token'), `${planted.fileToken}\n`);
});
afterAll(() => rmSync(dir, { recursive: true }));

function lockFlags(): string[] {
  const tokens = ['${FULL_TOKEN}', planted.flagToken, `file:${path.join(dir, 'token')}`];
  return [
    ...tokens.flatMap((token) => ['--api-token', token]),
    ...['--backends-dir', path.join(dir, 'backends'), '--debug'],
  ];
}

interface Seen {
  /** Replies, lines, names: by where they were found. */
  readonly places: Map<string, string>;
}

/** Everything that a reader of the API can see. */
async function readApi(daemon: RealDaemon, seen: Seen): Promise<void> {
  const get = async (url: string): Promise<Answer> => {
    const answer = await daemon.request(url, { headers });
    seen.places.set(`GET ${url}`, `${JSON.stringify(answer.headers)}${answer.text}`);
    return answer;
  };
  const { paths } = (await get('/openapi.json')).json<{ paths: Record<string, { get?: object }> }>();
  const { runs } = (await get('/api/v1/runs?limit=1000')).json<{ runs: { id: string }[] }>();
  const values: Record<string, readonly string[]> = { '{name}': uses, '{id}': runs.map(({ id }) => id) };
  for (const [template, { get: isRead }] of Object.entries(paths)) {
    if (isRead === undefined) continue;
    const [parameter = ''] = /\{\w+\}/.exec(template) ?? [];
    const urls =
      parameter === ''
        ? [template]
        : (values[parameter] ?? []).map((value) => template.replace(parameter, value));
    for (const url of urls) await get(url);
  }
  await get('/metrics');
}

/** What the system shows of a process to everybody. */
function readProcess(pid: number, files: readonly string[], seen: Seen): void {
  for (const file of files)
    seen.places.set(`/proc/${pid}/${file}`, readFileSync(`/proc/${pid}/${file}`, 'utf8'));
}

function everyRunHasEnded(answer: Answer): boolean {
  const { runs } = answer.json<{ runs: { status: string; trigger: string; policy: string }[] }>();
  const ended = runs
    .filter(({ status }) => ['completed', 'failed'].includes(status))
    .map(({ policy }) => policy);
  return (
    runs.every(({ status }) => ['completed', 'failed'].includes(status)) &&
    uses.every((use) => ended.includes(use))
  );
}

describe.each(['json', 'text', 'pretty'])('with secrets in every place, and the log as %s', (format) => {
  test('nobody finds one who was not given it', async () => {
    await using diode = await FakeDiode.start();
    await using collector = await Collector.start();
    const seen: Seen = { places: new Map() };
    diode.ingest.fail({
      status: status.INVALID_ARGUMENT,
      message: `Bearer token-1, ${planted.clientSecret}, ${planted.policySecret}`,
    });
    const flags = ['-t', diode.target, '-c', '${SINK_ID}', '-k', '${SINK_SECRET}', '--log-format', format];
    const telemetry = ['--otel-endpoint', `grpc://127.0.0.1:${collector.port}`, '--otel-export-period', '1'];
    await using daemon = await RealDaemon.start([...flags, ...telemetry, ...lockFlags()], {
      env: environment,
    });
    const { pid = 0 } = daemon.process;

    const post = async (body: string): Promise<Answer> => {
      const answer = await daemon.request('/api/v1/policies', { method: 'POST', headers, body });
      seen.places.set(`POST ${seen.places.size}`, answer.text);
      return answer;
    };
    for (const use of uses) expect((await post(policyThat(use))).status).toBe(201);
    expect((await post(policyThat('refused'))).status).toBe(403);
    expect(
      (await post('policies: { a: { config: { package: "${POLICY_PACKAGE}" }, scope: 1 } }')).status,
    ).toBe(400);
    expect(
      (await post('policies: { a: { config: { package: leaky, schedule: "${POLICY_SECRET}" }, scope: 1 } }'))
        .status,
    ).toBe(403);
    for (const token of [planted.flagToken, `${planted.fileToken}x`]) {
      const answer = await daemon.request(`/api/v1/runs?token=${token}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      seen.places.set(`as ${token.length}`, answer.text);
    }

    await vi.waitUntil(async () => everyRunHasEnded(await daemon.request('/api/v1/runs', { headers })), {
      timeout: 20_000,
      interval: 50,
    });
    await vi.waitUntil(() => collector.exports.some(({ metrics }) => metrics.length > 3), { timeout: 5_000 });
    await readApi(daemon, seen);
    const children = descendantsOf(pid);
    expect(children.length).toBeGreaterThan(0);
    for (const child of children) readProcess(child, ['cmdline', 'comm'], seen);
    readProcess(pid, ['cmdline', 'comm'], seen);
    expect(seen.places.get(`/proc/${pid}/comm`)).toBe('orb-worker\n');
    for (const child of children) {
      const inherited = readFileSync(`/proc/${child}/environ`, 'utf8');
      // What belongs to policies reaches whoever runs them.
      expect(inherited).toContain('POLICY_URL=');
      for (const own of [planted.clientSecret, planted.fullToken, 'SINK_ID', 'FULL_TOKEN']) {
        expect(inherited).not.toContain(own);
      }
    }
    await daemon.stop();
    seen.places.set('stderr', daemon.lines.join('\n'));
    seen.places.set('stdout', daemon.stdout);
    seen.places.set('metrics', JSON.stringify(collector.exports));

    for (const [place, text] of seen.places) expect([place, ...findPlants(text)]).toEqual([place]);
    for (const [place, text] of seen.places)
      expect([place, /Bearer token-\d/.test(text)]).toEqual([place, false]);
    // The author's will: entities carry what the backend put into them.
    expect(JSON.stringify(diode.requests.map(({ bytes }) => bytes.toString()))).toContain('PLANTED-policy');
    // They were there to be found.
    expect(daemon.lines.filter((line) => line.includes('***')).length).toBeGreaterThan(uses.length);
  });
});

test('a dry run names no file by a secret', async () => {
  const output = path.join(dir, 'out');
  const flags = ['--dry-run', '--dry-run-output-dir', output, ...lockFlags()];
  await using daemon = await RealDaemon.start(flags, { env: environment });
  const body = policyThat('yields');
  expect((await daemon.request('/api/v1/policies', { method: 'POST', headers, body })).status).toBe(201);
  await daemon.line(/Successfully ingested 1 entities/);
  const names = readdirSync(output);
  expect(names).toHaveLength(1);
  expect(findPlants(`${names.join()}${daemon.lines.join()}${daemon.stdout}`)).toEqual([]);
});

test.each([
  ['a target with a password', ['-t', `grpc://u:${planted.urlPassword}@diode`]],
  ['a metrics endpoint with a password', ['-d', '--otel-endpoint', `ftp://u:${planted.urlPassword}@h`]],
  ['a stray word behind a secret', ['-d', '-k', planted.clientSecret, planted.flagToken]],
  ['a secret without an id', ['-d', '-k', planted.clientSecret]],
  ['a token with a line break', ['-d', '--api-token', `${planted.flagToken}\n`]],
  ['a token with a blank', ['-d', '--api-token', `a ${planted.flagToken}`]],
  ['a token file that holds nonsense', ['-d', '--api-token', 'file:BAD']],
  ['a key that is none', ['-d', '--tls-cert', 'BAD', '--tls-key', 'BAD']],
])('a start that fails for %s shows none of it', async (_why, flags) => {
  const bad = path.join(dir, 'bad');
  writeFileSync(bad, `${planted.fileToken} and more\n`);
  const { status, stdout, stderr } = await runProgram(flags.map((flag) => flag.replace('BAD', bad)));
  expect(status).toBeGreaterThan(0);
  expect(stderr.trim()).not.toBe('');
  expect(findPlants(`${stdout}${stderr}`)).toEqual([]);
});
