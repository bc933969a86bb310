import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import http2, { type ServerHttp2Stream } from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';

export interface RawDiodeOptions {
  /** Answers a gRPC call, by whatever means HTTP/2 has. */
  readonly onCall?: (stream: ServerHttp2Stream) => void;
  /** Takes a connection for gRPC over, HTTP/2 or not. */
  readonly onConnection?: (socket: Socket) => void;
  /** Takes a connection for a token over; left out: it gets one. */
  readonly onTokenConnection?: (socket: Socket) => void;
}

/** Stands in Diode's place and keeps to no protocol but as far as a test wants it to. */
export class RawDiode implements AsyncDisposable {
  readonly #front: net.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(front: net.Server) {
    this.#front = front;
    front.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: RawDiodeOptions): Promise<RawDiode> {
    const grpc = http2.createServer().on('sessionError', () => undefined);
    grpc.on('stream', (stream) => {
      stream.on('error', () => undefined).resume();
      options.onCall?.(stream);
    });
    const onGrpc = options.onConnection ?? ((socket: Socket) => grpc.emit('connection', socket));
    const tokens = createHttpServer((request, reply) => {
      request.resume();
      reply.end('{"access_token":"token","expires_in":3600}');
    });
    const onToken = options.onTokenConnection ?? ((socket: Socket) => tokens.emit('connection', socket));
    const front = net.createServer((socket) => {
      socket.once('readable', () => {
        const begin: Buffer = socket.read() ?? Buffer.alloc(0);
        socket.unshift(begin);
        if (begin.toString('latin1', 0, 3) === 'PRI') onGrpc(socket);
        else onToken(socket);
      });
    });
    const diode = new RawDiode(front);
    await once(front.listen(0, '127.0.0.1'), 'listening');
    return diode;
  }

  get target(): string {
    return `grpc://127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#front, 'close');
    this.#front.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** A call is acknowledged as Diode does: an empty message, status OK. */
export function acknowledge(stream: ServerHttp2Stream): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.end(Buffer.alloc(5));
}
