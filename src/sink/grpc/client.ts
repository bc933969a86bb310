import type { ChannelOptions, Client } from '@grpc/grpc-js';
import type { Clock } from '../../clock.ts';
import { madeLate } from '../../load-late.ts';
import type { ChannelState } from '../contract.ts';
import type { ConnectProxy } from '../proxy.ts';
import type { Route } from '../route.ts';
import { authorityOf } from '../target.ts';
import { CallFailure } from './call-failure.ts';
import { MessageBuffers } from './message-buffers.ts';

/** Replies hold a few error texts; whatever is longer is not a reply of the receiver we know. */
const LARGEST_REPLY = 1024 * 1024;
/** A channel that failed so often in a row by deadline is hung, and the next call gets a new one. */
const DEADLINES_BEFORE_NEW_CHANNEL = 2;

export interface GrpcClientOptions {
  readonly route: Route;
  readonly userAgent: string;
  /** Pings while calls are under way, so that a peer that vanished is noticed before the deadline; undefined: none. */
  readonly keepaliveMs: number | undefined;
  /** For each call. */
  readonly deadlineMs: number;
  readonly clock: Clock;
}

interface Channel {
  readonly client: Client;
  deadlinesInARow: number;
}

/** In the order of the library's numbers. */
const CHANNEL_STATES: readonly ChannelState[] = [
  'idle',
  'connecting',
  'ready',
  'transient_failure',
  'shutdown',
];

type Grpc = typeof import('@grpc/grpc-js');

/** One channel to one receiver, for all runs. Connects when it is first called; the library, too, is loaded only then. */
export class GrpcClient {
  readonly #options: GrpcClientOptions;
  readonly #closing = new AbortController();
  readonly #library = madeLate(() => import('@grpc/grpc-js'));
  readonly #buffers = new MessageBuffers();
  #channel: Channel | undefined;

  constructor(options: GrpcClientOptions) {
    this.#options = options;
  }

  /**
   * Sends `parts`, joined to one message, to the method at `path` (the target's own path is put before it) and
   * resolves with the reply's bytes. Rejects with a {@link CallFailure}, or with an `UnavailableError` where the library
   * cannot be loaded now; the deadline, `signal` and `close` end the call.
   */
  async call(
    path: string,
    parts: readonly Buffer[],
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const grpc = await this.#library();
    const stops = [signal, this.#closing.signal];
    if (stops.some(isAborted)) throw new CallFailure(grpc.status.CANCELLED, 'given up before it was sent');
    const channel = this.#currentChannel(grpc);
    const message = this.#buffers.join(parts);
    try {
      const reply = await this.#callOnce(grpc, channel.client, path, message, metadata, stops);
      channel.deadlinesInARow = 0;
      // After a failure the library may still hold on to it.
      this.#buffers.release(message);
      return reply;
    } catch (failure) {
      const byDeadline = failure instanceof CallFailure && failure.code === grpc.status.DEADLINE_EXCEEDED;
      if (byDeadline) channel.deadlinesInARow += 1;
      else if (!stops.some(isAborted)) channel.deadlinesInARow = 0;
      throw failure;
    }
  }

  get state(): ChannelState {
    const state = this.#channel?.client.getChannel().getConnectivityState(false);
    return CHANNEL_STATES[state ?? -1] ?? 'none';
  }

  /** Cuts calls under way off and releases the connection. */
  close(): void {
    this.#closing.abort();
    this.#channel?.client.close();
  }

  #currentChannel(grpc: Grpc): Channel {
    if (this.#channel !== undefined && this.#channel.deadlinesInARow >= DEADLINES_BEFORE_NEW_CHANNEL) {
      this.#channel.client.close();
      this.#channel = undefined;
    }
    this.#channel ??= { client: connect(grpc, this.#options), deadlinesInARow: 0 };
    return this.#channel;
  }

  #callOnce(
    grpc: Grpc,
    client: Client,
    path: string,
    message: Buffer,
    metadata: Readonly<Record<string, string>>,
    stops: readonly AbortSignal[],
  ): Promise<Buffer> {
    const { route, deadlineMs, clock } = this.#options;
    return new Promise((resolve, reject) => {
      let late = false;
      const call = client.makeUnaryRequest(
        `${route.target.path}${path}`,
        asItIs,
        asItIs,
        message,
        metadataOf(grpc, metadata, deadlineMs),
        (error, reply) => {
          deadline.cancel();
          for (const stop of stops) stop.removeEventListener('abort', cancel);
          if (error === null) resolve(reply ?? Buffer.alloc(0));
          else if (late) reject(deadlinePassed(grpc, deadlineMs));
          else reject(new CallFailure(error.code, error.details));
        },
      );
      const cancel = (): void => call.cancel();
      const deadline = clock.after(deadlineMs, () => {
        late = true;
        cancel();
      });
      for (const stop of stops) stop.addEventListener('abort', cancel, { once: true });
    });
  }
}

function deadlinePassed(grpc: Grpc, deadlineMs: number): CallFailure {
  return new CallFailure(grpc.status.DEADLINE_EXCEEDED, `no answer within ${deadlineMs / 1000} s`);
}

const isAborted = ({ aborted }: AbortSignal): boolean => aborted;

const asItIs = (bytes: Buffer): Buffer => bytes;

/** The deadline is ours to keep, by our clock; the receiver is told so that it does not work for nobody. */
function metadataOf(grpc: Grpc, entries: Readonly<Record<string, string>>, deadlineMs: number) {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  metadata.set('grpc-timeout', `${deadlineMs}m`);
  return metadata;
}

function connect(grpc: Grpc, options: GrpcClientOptions): Client {
  const { target, tls, proxy } = options.route;
  const credentials =
    tls === undefined
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(tls.ca ?? null, null, null, {
          rejectUnauthorized: tls.rejectUnauthorized,
        });
  const authority = authorityOf(target);
  return new grpc.Client(proxy === undefined ? authority : authorityOf(proxy), credentials, {
    ...channelOptions(options),
    ...(proxy === undefined ? {} : throughProxy(proxy, authority)),
  });
}

function channelOptions({ userAgent, keepaliveMs }: GrpcClientOptions): ChannelOptions {
  return {
    'grpc.primary_user_agent': userAgent,
    'grpc.max_receive_message_length': LARGEST_REPLY,
    'grpc.max_send_message_length': -1,
    ...(keepaliveMs === undefined
      ? {}
      : { 'grpc.keepalive_time_ms': keepaliveMs, 'grpc.keepalive_timeout_ms': 10_000 }),
    // Batches are tried again in one place, delivery, which must hear of a failure at once.
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 500,
    'grpc.max_reconnect_backoff_ms': 10_000,
    // Without this a new channel would be given the old, hung connection.
    'grpc.use_local_subchannel_pool': 1,
    // No TXT look-ups for settings that nobody publishes.
    'grpc.service_config_disable_resolution': 1,
    // The library reads the lower-case variables only, and NO_PROXY otherwise than the sheet says.
    'grpc.enable_http_proxy': 0,
  };
}

function throughProxy(proxy: ConnectProxy, authority: string): ChannelOptions {
  return {
    'grpc.http_connect_target': `dns:${authority}`,
    'grpc.default_authority': authority,
    ...(proxy.credentials === undefined ? {} : { 'grpc.http_connect_creds': proxy.credentials }),
  };
}
