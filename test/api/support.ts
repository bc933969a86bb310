import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Logger, pino } from 'pino';
import type { ApiParts } from '../../src/api/api-parts.ts';
import { type Api, createApi, type Readiness } from '../../src/api/create-api.ts';
import type { HttpLimits } from '../../src/api/http-server.ts';
import { type Locks, openLocks } from '../../src/api/locks/open-locks.ts';
import type { LocatedPackage, PackageCrashWait } from '../../src/backend/host.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { ConflictError, NotFoundError } from '../../src/errors.ts';
import { type DaemonEvents, Events } from '../../src/events.ts';
import type {
  PolicyRegistry,
  PolicyView,
  Provenance,
  Replacement,
  UnablePolicies,
  ValidatedPolicy,
} from '../../src/policy/contract.ts';
import { createRunHistory } from '../../src/run/history.ts';
import { moveTo, type Run } from '../../src/run/run.ts';
import { Secrets } from '../../src/secrets.ts';
import { runOf } from '../support/runs.ts';
import { KeptDelivery } from './kept-delivery.ts';

/** A registry that takes a JSON list of names for a document, and remembers what it was given. */
export class NamesRegistry implements PolicyRegistry {
  readonly views = new Map<string, PolicyView>();
  readonly applied: { document: Buffer; provenance: Provenance }[] = [];
  /** Stands in for `apply` where a test wants another outcome. */
  onApply: (document: Buffer) => Promise<readonly string[]> = async (document) => this.add(document);

  apply(document: Buffer, provenance: Provenance): Promise<readonly string[]> {
    this.applied.push({ document, provenance });
    return this.onApply(document);
  }

  add(document: Buffer): string[] {
    const names = JSON.parse(document.toString()) as string[];
    const taken = names.find((name) => this.views.has(name));
    if (taken !== undefined) throw new ConflictError(`policy '${taken}' already exists`);
    for (const name of names) this.views.set(name, viewOf(name));
    return names;
  }

  /** What it was asked to put in place of what; a body of `same` changes nothing. */
  readonly replacements: { name: string; document: string; cancelRuns: boolean }[] = [];

  async replace(
    name: string,
    body: Buffer,
    { cancelRuns }: { readonly cancelRuns: boolean },
  ): Promise<Replacement> {
    const document = body.toString();
    this.replacements.push({ name, document, cancelRuns });
    if (this.views.has(name)) return document === 'same' ? 'unchanged' : 'replaced';
    this.views.set(name, viewOf(name));
    return 'created';
  }

  async validate(document: Buffer): Promise<readonly ValidatedPolicy[]> {
    const names = JSON.parse(document.toString()) as string[];
    const backend = { package: 'pkg', version: '1.0.0' };
    return names.map((name) => ({ name, backend, nextRunAt: undefined, warnings: [] }));
  }

  /** Stands in for `submit`. */
  onSubmit: (name: string) => Readonly<Run> = (name) => openedRun(name, { trigger: 'submit' });

  submit(name: string): Readonly<Run> {
    if (!this.views.has(name)) throw new NotFoundError(`policy '${name}' not found`);
    return this.onSubmit(name);
  }

  async delete(name: string): Promise<void> {
    if (!this.views.delete(name)) throw new NotFoundError(`policy '${name}' not found`);
  }

  get(name: string): PolicyView | undefined {
    return this.views.get(name);
  }

  packageOf(name: string): LocatedPackage | undefined {
    const view = this.views.get(name);
    return view && { name: view.backend.package, version: view.backend.version, directory: '', entryUrl: '' };
  }

  failureOf(name: string): string | undefined {
    return this.views.get(name)?.failure;
  }

  faultOf(name: string): string | undefined {
    return this.views.get(name)?.setupFault?.reason;
  }

  unable(): UnablePolicies {
    return { count: 0, example: undefined };
  }

  names(): Iterable<string> {
    return this.views.keys();
  }

  get size(): number {
    return this.views.size;
  }

  loadedPackages(): readonly string[] {
    return [...new Set([...this.views.values()].map(({ backend }) => backend.package))];
  }

  async restore(): Promise<void> {}

  stop(): void {}

  async tearDown(): Promise<void> {}
}

/** A policy as the registry shows it. */
export function viewOf(name: string, changes: Partial<PolicyView> = {}): PolicyView {
  return {
    name,
    config: { package: 'pkg' },
    scope: {},
    run: {},
    timezone: 'UTC',
    nextRunAt: undefined,
    warnings: [],
    backend: { package: 'pkg', version: '1.0.0' },
    failure: undefined,
    crashWait: undefined,
    setupFault: undefined,
    ...changes,
  };
}

let sequence = 0;

/** A run that has just been opened. */
export function openedRun(policy: string, changes: Partial<Run> = {}): Run {
  const createdAt = changes.createdAt ?? Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  return runOf(sequence++, {
    policy,
    trigger: 'once',
    policyNumber: 0,
    backend: { package: 'pkg', version: '1.0.0', name: 'sample', appName: 'app', appVersion: '2.0' },
    dueAt: createdAt,
    createdAt,
    updatedAt: createdAt,
    ...changes,
  });
}

/** Takes a run through its states, and tells the listeners as the daemon does. */
export function finish(
  events: Events,
  run: Run,
  status: 'completed' | 'failed' | 'cancelled',
  reason = '',
): Run {
  const end = run.createdAt + 1_250;
  moveTo(run, 'running', run.createdAt + 10);
  events.emit('run:started', { run });
  if (status === 'completed') moveTo(run, 'delivering', end);
  run.reason = reason;
  moveTo(run, status, end);
  events.emit('run:finished', { run });
  return run;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): unknown;
}

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
