import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { descendantsOf, isAlive } from '../support/real-daemon.ts';
import { runProgram, StartedDaemon } from './support.ts';

const SECRET = 's3cret-of-the-daemon';

/** `--import`s a script into the program, to do to it what its surroundings might. */
function meddle(script: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}

describe('a start that fails is one line and status 1', () => {
  test('a target that does not parse', async () => {
    expect(await runProgram(['-t', 'ftp://diode'])).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'ERROR: Unable to connect to Diode Server: target should start with grpc://, grpcs://, http:// or https://\n',
    });
  });

  test('credentials that Diode refuses, without the secret in it', async () => {
    await using diode = await FakeDiode.start();
    diode.token.failAlways({ status: 401 });
    const { status, stderr } = await runProgram(
      [...['-t', `grpc://127.0.0.1:${diode.port}`, '-c', 'id', '-k', '${THE_SECRET}', '-p', '0']],
      { THE_SECRET: SECRET },
    );
    expect(stderr).toBe(
      'ERROR: Unable to connect to Diode Server: Failed to obtain access token: Unauthorized\n',
    );
    expect(stderr).not.toContain(SECRET);
    expect(status).toBe(1);
  });

  test('credentials that were to come from a variable that is not there', async () => {
    await using diode = await FakeDiode.start();
    diode.token.failAlways({ status: 401 });
    const { status, stderr } = await runProgram([
      ...['-t', `grpc://127.0.0.1:${diode.port}`, '-c', 'id', '-k', '${THE_SECRET}', '-p', '0'],
    ]);
    expect(stderr.split('\n')).toEqual([
      'WARNING: worker: A flag is ${THE_SECRET}, but there is no variable THE_SECRET: it is taken as it is',
      'ERROR: Unable to connect to Diode Server: Failed to obtain access token: Unauthorized',
      '',
    ]);
    expect(status).toBe(1);
  });

  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const { status, stderr } = await runProgram(['-d', '-p', port]);
    other.close();
    expect(stderr).toBe(`ERROR: cannot listen on 127.0.0.1:${port}: the port is in use\n`);
    expect(status).toBe(1);
  });

  test('a metrics endpoint that does not parse', async () => {
    const { status, stderr } = await runProgram(['-d', '-p', '0', '--otel-endpoint', 'ftp://x']);
    expect(stderr).toMatch(/^ERROR: Unable to export metrics: --otel-endpoint should be .*\n$/);
    expect(status).toBe(1);
  });
});

describe('a running daemon', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s stops it: status 0', async (signal) => {
    await using daemon = await StartedDaemon.start(['-d', '-p', '0']);
    const before = performance.now();
    expect(await daemon.end(signal)).toBe(0);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(daemon.stderr).toContain(`INFO: worker: Stopping on ${signal}\n`);
  });

  test('says of a folder for backends why nothing is found there', async () => {
    const missing = path.join(tmpdir(), 'orb-worker-no-such-folder');
    await using daemon = await StartedDaemon.start(['-d', '-p', '0', '--backends-dir', missing]);
    await daemon.says(
      `No package can be found in a --backends-dir: it does not exist yet directory=${missing}`,
    );
  });

  test('is configured by variables, and Kubernetes does not disturb it', async () => {
    await using daemon = await StartedDaemon.start(['-p', '0'], {
      ORB_WORKER_DRY_RUN: 'true',
      ORB_WORKER_PORT: 'tcp://10.0.0.1:8071',
      ORB_WORKER_PORT_8071_TCP: 'tcp://10.0.0.1:8071',
      ORB_WORKER_PORT_8071_TCP_ADDR: '10.0.0.1',
      ORB_WORKER_SERVICE_HOST: '10.0.0.1',
      ORB_WORKER_EDGE_PORT: 'tcp://10.0.0.2:8071',
      ORB_WORKER_LOG_FORMAT: 'json',
    });
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(200);
    await daemon.end('SIGTERM');
    for (const line of daemon.stderr.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({
        level: 'info',
        module: expect.any(String),
        msg: expect.any(String),
      });
    }
  });

  test('says that a target without a client is no Diode', async () => {
    await using daemon = await StartedDaemon.start(['-t', 'grpc://127.0.0.1:1/logs', '-p', '0']);
    await daemon.says('INFO: sink.otlp: Entities go to grpc://127.0.0.1:1/logs as OTLP log records: without');
  });

  test('names the variables that are misspelt, without their values', async () => {
    await using daemon = await StartedDaemon.start(['-d', '-p', '0'], { ORB_WORKER_APITOKEN: SECRET });
    await daemon.says('WARNING: worker: ORB_WORKER_APITOKEN is no variable that orb-worker reads: --help');
    expect(daemon.stderr).not.toContain(SECRET);
  });

  test('shows its secrets neither in the list of processes nor in the log', async () => {
    await using diode = await FakeDiode.start();
    const target = `grpc://127.0.0.1:${diode.port}`;
    await using daemon = await StartedDaemon.start([
      ...[
        '-t',
        target,
        '-c',
        'the-id',
        '-k',
        SECRET,
        '-p',
        '0',
        '--debug',
        '--diode-app-name-prefix',
        'p'.repeat(500),
      ],
    ]);
    const { pid } = daemon.process;
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', '')).toBe('orb-worker');
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('orb-worker\n');
    await daemon.end('SIGTERM');
    expect(daemon.stderr).not.toContain(SECRET);
    expect(diode.tokenRequests[0]?.form).toMatchObject({ client_id: 'the-id', client_secret: SECRET });
  });

  test("keeps Node's own warnings off stderr, and shows them as DEBUG lines", async () => {
    const env = meddle("setTimeout(() => process.emitWarning('careful'), 1).unref()");
    await using quiet = await StartedDaemon.start(['-d', '-p', '0'], env);
    await quiet.end('SIGTERM');
    expect(quiet.stderr).not.toContain('careful');
    const late = meddle("process.once('SIGUSR2', () => process.emitWarning('careful'))");
    await using talking = await StartedDaemon.start(['-d', '-p', '0', '--debug'], late);
    talking.process.kill('SIGUSR2');
    await talking.says('DEBUG: node: Node warns err=careful\n');
    await talking.end('SIGTERM');
  });

  test('a fault of its own ends it with one CRITICAL line and status 1', async () => {
    const env = meddle(
      "process.once('SIGUSR2', () => { throw new TypeError('a bug\\n' + process.argv.length) })",
    );
    await using daemon = await StartedDaemon.start(['-d', '-p', '0'], env);
    expect(await daemon.end('SIGUSR2')).toBe(1);
    const lines = daemon.stderr
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('INFO'));
    expect(lines).toEqual([
      expect.stringMatching(/^CRITICAL: worker: Internal error: a bug\\n\d+ err=.* stack=/),
    ]);
  });

  test('a promise that nobody looks after is such a fault', async () => {
    const env = meddle("process.once('SIGUSR2', () => { Promise.reject(new Error('lost')) })");
    await using daemon = await StartedDaemon.start(['-d', '-p', '0'], env);
    expect(await daemon.end('SIGUSR2')).toBe(1);
    expect(daemon.stderr).toContain('CRITICAL: worker: Internal error: lost');
  });
});

describe('a stop that takes its time', () => {
  let backends: string;
  beforeAll(() => {
    backends = mkdtempSync(path.join(tmpdir(), 'orb-worker-start-'));
    const dir = path.join(backends, 'stubborn');
    mkdirSync(dir);
    writeFileSync(
      path.join(dir, 'package.json'),
      JSON.stringify({ name: 'stubborn', version: '1.0.0', type: 'module', main: 'index.js' }),
    );
    writeFileSync(
      path.join(dir, 'index.js'),
      `export default {
        describe: () => ({ name: 'stubborn', app_name: 'stubborn', app_version: '1' }),
        async *run(policy, context) {
          context.log.info('deaf to signals');
          await new Promise((resolve) => setTimeout(resolve, 600_000));
        },
      };`,
    );
  });
  afterAll(() => rmSync(backends, { recursive: true }));

  async function startStubborn(stopTimeout: string): Promise<StartedDaemon> {
    const daemon = await StartedDaemon.start([
      '-d',
      '-p',
      '0',
      '--backends-dir',
      backends,
      '--stop-timeout',
      stopTimeout,
    ]);
    const reply = await fetch(`${daemon.url}/api/v1/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-yaml' },
      body: 'policies: {p: {config: {package: stubborn}, scope: {}}}',
    });
    expect(await reply.text()).toBe('{"detail":"policy \'p\' was started"}');
    await daemon.says('deaf to signals');
    return daemon;
  }

  test('ends within --stop-timeout, says what was cancelled last, and leaves no process', async () => {
    await using daemon = await startStubborn('1s');
    const children = descendantsOf(daemon.process.pid ?? 0);
    expect(children.length).toBeGreaterThan(0);
    const before = performance.now();
    expect(await daemon.end('SIGTERM')).toBe(0);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(daemon.stderr.trimEnd().split('\n').at(-1)).toContain('1 runs cancelled');
    expect(children.filter(isAlive)).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'a second signal, %s, ends it at once',
    async (signal) => {
      await using daemon = await startStubborn('60s');
      daemon.process.kill('SIGTERM');
      await daemon.says('Stopping on SIGTERM');
      const children = descendantsOf(daemon.process.pid ?? 0);
      const before = performance.now();
      expect(await daemon.end(signal)).toBe(signal);
      expect(performance.now() - before).toBeLessThan(2_000);
      await vi.waitUntil(() => !children.some(isAlive), { timeout: 5_000 });
    },
  );
});
