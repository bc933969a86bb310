import { once } from 'node:events';
import type { Server } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { type DecodedIngest, decodeIngest } from './fake-diode-decode.ts';
import { Faults, type GrpcFault, type TokenFault } from './fake-diode-faults.ts';
import { type RawCall, type RawReply, rawMethod, tooLarge } from './fake-diode-grpc.ts';
import { type ReceivedTokenRequest, TokenEndpoint } from './fake-diode-token.ts';
import { countFields } from './fake-diode-wire.ts';

const ENTITIES_FIELD = 2;

export interface FakeDiodeOptions {
  /** What stands before every route, e.g. `/a/b`. */
  readonly path?: string;
  /** 0: a free one. */
  readonly port?: number;
  readonly host?: string;
  /** PEM; the server then speaks TLS only. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** `expires_in` of the tokens it gives. */
  readonly tokenLifetimeSeconds?: number;
  /** False: requests are counted, not kept, so that a test of memory or speed measures the sender. */
  readonly keepRequests?: boolean;
}

/** One call that arrived whole, whatever was answered. */
export interface ReceivedCall {
  readonly path: string;
  readonly metadata: Record<string, string>;
  readonly size: number;
  readonly bytes: Buffer;
  readonly acknowledged: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * A Diode for tests: gRPC (Ingest, and OTLP logs Export) and the token endpoint on one loopback port, as the real
 * one behind its ingress. It keeps what it got and fails on command.
 */
export class FakeDiode implements AsyncDisposable {
  /** What Ingest does instead of acknowledging; see {@link Faults}. */
  readonly ingest = new Faults<GrpcFault>();
  /** What Export does instead of acknowledging. */
  readonly otlp = new Faults<GrpcFault>();
  /** Every Ingest that arrived, refused ones included. */
  readonly requests: ReceivedCall[] = [];
  /** Every Export that arrived. */
  readonly exports: ReceivedCall[] = [];
  /** Calls and entities that Ingest acknowledged. */
  readonly acknowledged = { calls: 0, entities: 0, bytes: 0 };
  /** The most Ingest calls that were unanswered at one time. */
  mostAtOnce = 0;
  /** What each TLS connection asked for by name (SNI). */
  readonly serverNames: (string | false | null)[] = [];
  /** Connections that were made, ever. */
  connections = 0;
  port: number;

  readonly #options: FakeDiodeOptions;
  readonly #sockets = new Set<net.Socket>();
  readonly #watchers = new Set<() => void>();
  readonly #tokens: TokenEndpoint;
  #front: net.Server | undefined;
  #http: Server | undefined;
  #grpc: grpc.Server | undefined;
  #unanswered = 0;

  private constructor(options: FakeDiodeOptions) {
    this.#options = options;
    this.port = options.port ?? 0;
    this.#tokens = new TokenEndpoint(`${this.#path}/auth/token`, options.tokenLifetimeSeconds ?? 3600, () =>
      this.#changed(),
    );
  }

  static async start(options: FakeDiodeOptions = {}): Promise<FakeDiode> {
    const diode = new FakeDiode(options);
    await diode.restart();
    return diode;
  }

  /** What a sender is told to connect to, e.g. `grpc://127.0.0.1:40123/a/b`. */
  get target(): string {
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host;
    return `${this.#options.tls ? 'grpcs' : 'grpc'}://${host}:${this.port}${this.#path}`;
  }

  /** What the token endpoint does instead of giving a token. */
  get token(): Faults<TokenFault> {
    return this.#tokens.faults;
  }

  get tokenRequests(): readonly ReceivedTokenRequest[] {
    return this.#tokens.requests;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /** The acknowledged requests, decoded, in the order in which they came. */
  get ingested(): DecodedIngest[] {
    return this.requests.filter((call) => call.acknowledged).map((call) => decodeIngest(call.bytes));
  }

  /** The entities of all acknowledged requests. */
  get entities(): Record<string, unknown>[] {
    return this.ingested.flatMap((request) => request.entities ?? []);
  }

  /** Resolves when `count` Ingest calls have arrived since the start, whatever became of them. */
  received(count: number): Promise<void> {
    return this.until(() => this.requests.length >= count);
  }

  /** Resolves when Ingest has acknowledged `count` entities since the start. */
  acknowledgedEntities(count: number): Promise<void> {
    return this.until(() => this.acknowledged.entities >= count);
  }

  /** Resolves as soon as `condition` holds; looked at whenever something arrives, is answered, or a connection changes. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Tokens given so far are worth nothing any more. */
  revokeTokens(): void {
    this.#tokens.revokeAll();
  }

  /** Cuts every connection off, calls under way included. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nobody listens any more, all connections are gone. */
  async stop(): Promise<void> {
    const front = this.#front;
    if (front === undefined) return;
    this.#front = undefined;
    const closed = once(front, 'close');
    front.close();
    this.#grpc?.forceShutdown();
    this.#http?.close();
    this.disconnect();
    await closed;
  }

  /** Listens (again, after `stop`, on the same port). */
  async restart(): Promise<void> {
    await this.stop();
    this.#http = this.#tokens.createServer();
    const injector = this.#createGrpc();
    const onPlain = (socket: net.Socket): void => this.#route(socket, injector);
    const front = this.#options.tls
      ? tls.createServer({ ...this.#options.tls, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
          this.serverNames.push(socket.servername);
          onPlain(socket);
        })
      : net.createServer(onPlain);
    front.on('connection', (socket: net.Socket) => this.#track(socket));
    front.listen(this.port, this.#host);
    await once(front, 'listening');
    this.port = (front.address() as AddressInfo).port;
    this.#front = front;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#watchers.clear();
  }

  get #host(): string {
    return this.#options.host ?? '127.0.0.1';
  }

  get #path(): string {
    return this.#options.path ?? '';
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }

  #track(socket: net.Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#changed();
    });
    this.#changed();
  }

  /** HTTP/2 with prior knowledge says so in its first bytes; everything else is for the token endpoint. */
  #route(socket: net.Socket, injector: { injectConnection(socket: net.Socket): void }): void {
    socket.on('error', () => undefined);
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      socket.off('readable', onReadable);
      socket.unshift(chunk);
      if (chunk.toString('latin1', 0, 3) === 'PRI') injector.injectConnection(socket);
      else this.#http?.emit('connection', socket);
    };
    socket.on('readable', onReadable);
  }

  #createGrpc(): { injectConnection(socket: net.Socket): void } {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
    const ingest = `${this.#path}/diode.v1.IngesterService/Ingest`;
    const otlp = `${this.#path}/opentelemetry.proto.collector.logs.v1.LogsService/Export`;
    server.addService(
      { Ingest: rawMethod(ingest), Export: rawMethod(otlp) },
      {
        Ingest: (call: RawCall, reply: RawReply) => this.#onIngest(ingest, call, reply),
        Export: (call: RawCall, reply: RawReply) => this.#onExport(otlp, call, reply),
      },
    );
    this.#grpc = server;
    return server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  }

  #onIngest(path: string, call: RawCall, reply: RawReply): void {
    this.#unanswered += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#unanswered);
    const fault = this.ingest.take(call.request) ?? this.#ownObjection(call);
    const received = this.#receivedCall(path, call, fault === undefined);
    if (fault === undefined) {
      this.acknowledged.calls += 1;
      this.acknowledged.entities += countFields(call.request, ENTITIES_FIELD);
      this.acknowledged.bytes += call.request.length;
    }
    this.requests.push(received);
    this.#answer(fault, call, (error, bytes) => {
      this.#unanswered -= 1;
      reply(error, bytes);
    });
    this.#changed();
  }

  #onExport(path: string, call: RawCall, reply: RawReply): void {
    const fault = this.otlp.take(call.request) ?? tooLarge(call.request);
    this.exports.push(this.#receivedCall(path, call, fault === undefined));
    this.#answer(fault, call, reply);
    this.#changed();
  }

  /** What a Diode without any fault refuses. */
  #ownObjection(call: RawCall): GrpcFault | undefined {
    if (!this.#tokens.admits(String(call.metadata.get('authorization')[0] ?? ''))) {
      return {
        status: grpc.status.UNAUTHENTICATED,
        message: 'missing or invalid authorization header',
      };
    }
    return tooLarge(call.request);
  }

  #receivedCall(path: string, call: RawCall, acknowledged: boolean): ReceivedCall {
    const metadata = Object.fromEntries(
      Object.entries(call.metadata.getMap()).map(([key, value]) => [key, String(value)]),
    );
    const bytes = this.#options.keepRequests === false ? Buffer.alloc(0) : call.request;
    return { path, metadata, size: call.request.length, bytes, acknowledged, at: Date.now() };
  }

  #answer(fault: GrpcFault | undefined, call: RawCall, reply: RawReply): void {
    if (fault === undefined) reply(null, Buffer.alloc(0));
    else if (fault === 'hang') call.once('cancelled', () => reply({ code: grpc.status.CANCELLED }));
    else if (fault === 'disconnect') {
      this.disconnect();
      reply({ code: grpc.status.CANCELLED });
    } else if ('afterMs' in fault) setTimeout(() => this.#answer(fault.answer, call, reply), fault.afterMs);
    else if ('reply' in fault) reply(null, fault.reply);
    else reply({ code: fault.status, details: fault.message });
  }
}
