import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Logger, pino } from 'pino';
import type { ApiParts } from '../../src/api/api-parts.ts';
import { type Api, createApi, type Readiness } from '../../src/api/create-api.ts';
import type { HttpLimits } from '../../src/api/http-server.ts';
import { type Locks, openLocks } from '../../src/api/locks/open-locks.ts';
import type { PackageCrashWait } from '../../src/backend/host.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { type DaemonEvents, Events } from '../../src/events.ts';
import { createRunHistory } from '../../src/run/history.ts';
import { Secrets } from '../../src/secrets.ts';
import { KeptDelivery } from './kept-delivery.ts';
import { NamesRegistry } from './names-registry.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): unknown;
}

/** The status of an answer and what its JSON says. */
export const said = (answer: Answer) => [answer.status, answer.json()];

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** Nobody has to show anything. */
const open = {
  apiTokens: [],
  apiReadTokens: [],
  tlsCert: undefined,
  tlsKey: undefined,
  tlsClientCa: undefined,
};

type LockOptions = Parameters<typeof openLocks>[0];

interface TestApiOptions {
  readonly scrape?: ApiParts['scrape'];
  readonly state?: ApiParts['state'];
  readonly locks?: Partial<LockOptions>;
  readonly secrets?: Secrets;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly limits?: Partial<HttpLimits>;
  readonly version?: string;
}

const noMetrics = (): Promise<readonly Buffer[]> => Promise.resolve([]);

/** The API on a port of its own, over a real history. */
export class TestApi implements AsyncDisposable {
  readonly registry = new NamesRegistry();
  readonly events = new Events((_name, fault) => {
    throw fault;
  });
  readonly history = createRunHistory({ events: this.events, clock: systemClock });
  readonly answered: DaemonEvents['api:answered'][] = [];
  /** Stands in for the coordinator's. */
  cancelRun: ApiParts['cancelRun'] = () => undefined;
  crashWaits: PackageCrashWait[] = [];
  readonly delivery = new KeptDelivery();
  readiness: Readiness = { statusCode: 200, status: 'ok', reasons: [] };
  readonly locks: Locks;
  readonly api: Api;
  port = 0;

  private constructor(
    locks: Locks,
    {
      clock = systemClock,
      log = pino({ level: 'silent' }),
      limits = {},
      version = '1.2.3',
      ...rest
    }: TestApiOptions,
  ) {
    const { registry, events, history } = this;
    this.locks = locks;
    events.on('api:answered', (answer) => this.answered.push(answer));
    this.api = createApi(
      {
        registry,
        history,
        cancelRun: (id, reason) => this.cancelRun(id, reason),
        delivery: this.delivery,
        state: rest.state,
        events,
        readiness: () => this.readiness,
        crashWaits: () => this.crashWaits,
        scrape: rest.scrape ?? noMetrics,
        locks,
        clock,
        log,
        version,
      },
      limits,
    );
  }

  /** Not listening yet. */
  static async build(options: TestApiOptions = {}): Promise<TestApi> {
    const { clock = systemClock, log = pino({ level: 'silent' }), secrets = new Secrets() } = options;
    return new TestApi(await openLocks({ ...open, ...options.locks }, { clock, log, secrets }), options);
  }

  static async start(options: TestApiOptions = {}): Promise<TestApi> {
    const test = await TestApi.build(options);
    const { port } = await test.api.listen('127.0.0.1', 0);
    test.port = port;
    return test;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    this.locks.stop();
  }

  /** Calls a path exactly as it is written, which `fetch` would not. */
  call(path: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // Node's client leaves the length of a DELETE's body to the reader's fancy.
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const request = httpRequest({
        host: '127.0.0.1',
        port: this.port,
        method,
        path,
        headers: { ...headers, ...length },
        agent: false,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, text, json: () => JSON.parse(text) });
        });
      });
      request.end(body);
    });
  }

  get(path: string): Promise<Answer> {
    return this.call(path);
  }

  delete(name: string): Promise<Answer> {
    return this.call(`/api/v1/policies/${encodeURIComponent(name)}`, { method: 'DELETE' });
  }

  /** Posts a document, as YAML unless told otherwise. */
  post(
    document: unknown,
    headers: Record<string, string> = { 'content-type': 'application/x-yaml' },
  ): Promise<Answer> {
    const body =
      typeof document === 'string' || Buffer.isBuffer(document) ? document : JSON.stringify(document);
    return this.call('/api/v1/policies', { method: 'POST', headers, body });
  }

  /** A connection that says what a client library would not. */
  connect(): RawClient {
    return new RawClient(connect(this.port, '127.0.0.1'));
  }
}

/** A bare TCP connection. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  readonly #closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
    });
    // Being cut off is what some tests wait for.
    socket.on('error', () => {});
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  /** All that came until the server closed the connection. */
  async untilClosed(): Promise<string> {
    await this.#closed;
    return this.received;
  }
}
