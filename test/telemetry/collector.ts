import { EventEmitter, once } from 'node:events';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { rawMethod } from '../support/fake-diode-grpc.ts';
import { type ReceivedExport, type ReceivedMetric, readExport } from './otlp-metrics.ts';

/** A collector that speaks real OTLP/gRPC and keeps what it gets. */
export class Collector implements AsyncDisposable {
  readonly exports: ReceivedExport[] = [];
  readonly requestBytes: number[] = [];
  /** While set, calls are never answered. */
  hangs = false;
  readonly #server: Server;
  readonly #arrivals = new EventEmitter();
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.addService(
      {
        export: rawMethod('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'),
      },
      {
        export: (call: { request: Buffer }, reply: (error: null, value: Buffer) => void) => {
          this.requestBytes.push(call.request.length);
          this.exports.push(readExport(call.request));
          if (!this.hangs) reply(null, Buffer.alloc(0));
          this.#arrivals.emit('export');
        },
      },
    );
  }

  /** @param port 0: a free one. */
  static async start(credentials = ServerCredentials.createInsecure(), port = 0): Promise<Collector> {
    const server = new Server();
    const bound = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, got) =>
        error ? reject(error) : resolve(got),
      ),
    );
    return new Collector(server, bound);
  }

  /** Resolves when the next call has arrived. */
  async arrival(): Promise<void> {
    await once(this.#arrivals, 'export');
  }

  /** The metric of this name in the last export. */
  metric(name: string): ReceivedMetric | undefined {
    return this.exports.at(-1)?.metrics.find((metric) => metric.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}
