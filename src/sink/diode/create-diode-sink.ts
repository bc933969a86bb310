import type { Logger } from 'pino';
import { type Clock, pause, settlesWithin } from '../../clock.ts';
import type { Secrets } from '../../secrets.ts';
import { type Batch, type Refusal, type Sink, SinkError, type SinkHealth } from '../contract.ts';
import { CallFailure, sinkErrorOf } from '../grpc/call-failure.ts';
import { GrpcClient } from '../grpc/client.ts';
import { HealthRecord } from '../health.ts';
import { namedEntities } from '../named-entities.ts';
import { giveRoomBack } from '../roomy-bytes.ts';
import { type Route, readRoute } from '../route.ts';
import { platformText, type Sender, sdkVersion } from '../sender.ts';
import { describeTarget, type Target } from '../target.ts';
import { describeIngestErrors, readIngestErrors } from './reply.ts';
import { encodeIngestRequest } from './request.ts';
import { TokenError, TokenSource } from './token.ts';

export interface DiodeSinkOptions {
  readonly target: Target;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly appNamePrefix: string | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
  /** Is told what is secret here; takes it out of what receivers say. */
  readonly secrets: Secrets;
}

const INGEST = '/diode.v1.IngesterService/Ingest';
const CALL_DEADLINE_MS = 60_000;
const KEEPALIVE_MS = 30_000;
const WAIT_AT_START_MS = 1000;
const LOOK_AGAIN_AFTER_MS = 10_000;
const DEFAULT_AUTH_ATTEMPTS = 3;

/** Sends batches (encoding `diode`) to Diode's Ingest with a token of its own. (sheet: Sending to Diode) */
export function createDiodeSink(options: DiodeSinkOptions): Sink {
  return new DiodeSink(options);
}

/** What exists once the environment has been read. */
interface Connection {
  readonly tokens: TokenSource;
  readonly client: GrpcClient;
}

class DiodeSink implements Sink {
  readonly encoding = 'diode';
  readonly #options: DiodeSinkOptions;
  readonly #log: Logger;
  readonly #sender: Sender;
  readonly #authAttempts: number;
  readonly #health: HealthRecord;
  readonly #closing = new AbortController();
  #connection: Connection | undefined;

  constructor(options: DiodeSinkOptions) {
    const { version, appNamePrefix, target } = options;
    this.#options = options;
    options.secrets.keep('diode client', [options.clientSecret]);
    this.#log = options.log.child({ module: 'sink.diode' });
    this.#sender = { name: 'orb-worker', version: sdkVersion(version), appNamePrefix };
    this.#authAttempts = readAttempts(options.env.DIODE_MAX_AUTH_RETRIES);
    this.#health = new HealthRecord(this.#log, `Diode at ${describeTarget(target)}`);
  }

  /** Fetches a token: credentials that are refused stop the daemon, a Diode that is away does not. */
  async start(): Promise<void> {
    const { env, clock, target } = this.#options;
    if (env.DIODE_SENTRY_DSN) this.#log.info('DIODE_SENTRY_DSN is ignored: this daemon reports to nobody');
    const { tokens } = this.#connect(await readRoute(target, env));
    const first = this.#tokenError(tokens);
    if (!(await settlesWithin(clock, WAIT_AT_START_MS, first))) {
      this.#health.bad('the token endpoint has not answered yet');
    } else {
      const error = await first;
      if (error?.refused) throw new SinkError('fatal', `Unable to connect to Diode Server: ${error.message}`);
    }
    void this.#lookUntilReached(tokens, first);
  }

  async send(batch: Batch, signal: AbortSignal): Promise<void> {
    try {
      const reply = await this.#ingest(encodeIngestRequest(batch, this.#sender), signal);
      this.#health.good();
      const errors = readIngestErrors(reply);
      if (errors.length > 0) throw rejectedFor(errors);
      giveRoomBack(batch.bytes);
    } catch (thrown) {
      if (signal.aborted) throw new SinkError('unavailable', 'Given up before Diode acknowledged it');
      throw this.#noteFailure(this.#cleaned(asSinkError(thrown)));
    }
  }

  health(): SinkHealth {
    const { tokens, client } = this.#connection ?? {};
    return { ...this.#health.current, token: tokens?.state ?? 'none', channel: client?.state ?? 'none' };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#connection?.tokens.close();
    this.#connection?.client.close();
  }

  #connect(route: Route): Connection {
    const { clock, clientId, clientSecret, version, secrets } = this.#options;
    const userAgent = `orb-worker/${version}`;
    const credentials = { clientId, clientSecret, maxTries: this.#authAttempts, random: Math.random };
    this.#connection = {
      tokens: new TokenSource({ route, clock, userAgent, secrets, ...credentials }),
      client: new GrpcClient({
        route,
        clock,
        userAgent,
        keepaliveMs: KEEPALIVE_MS,
        deadlineMs: CALL_DEADLINE_MS,
      }),
    };
    return this.#connection;
  }

  /** Calls Ingest; a token that is refused is replaced and the same message sent again (sheet: Sending to Diode 3). */
  async #ingest(message: readonly Buffer[], signal: AbortSignal): Promise<Buffer> {
    if (this.#connection === undefined) throw new Error('the sink was not started');
    const { tokens, client } = this.#connection;
    for (let attempt = 1; ; attempt += 1) {
      const token = await tokens.get(signal);
      try {
        return await client.call(INGEST, message, metadataWith(token), signal);
      } catch (failure) {
        const unauthenticated = failure instanceof CallFailure && failure.status === 'UNAUTHENTICATED';
        if (!unauthenticated) throw failure;
        tokens.discard(token);
        if (attempt >= this.#authAttempts) throw failure;
      }
    }
  }

  /** A daemon that starts before Diode does would else call it away until its next run. */
  async #lookUntilReached(tokens: TokenSource, first: Promise<TokenError | undefined>): Promise<void> {
    const { signal } = this.#closing;
    let error = await first;
    while (error !== undefined && !signal.aborted) {
      this.#health.bad(error.message);
      if (error.refused) return;
      await pause(this.#options.clock, LOOK_AGAIN_AFTER_MS, signal);
      error = await this.#tokenError(tokens);
    }
    if (!signal.aborted) this.#health.good();
  }

  /** Resolves with the reason when there is no token to be had, with undefined when there is, or when the sink closes. */
  async #tokenError(tokens: TokenSource): Promise<TokenError | undefined> {
    try {
      await tokens.get(this.#closing.signal);
      return undefined;
    } catch (error) {
      return error instanceof TokenError ? error : undefined;
    }
  }

  /** A receiver may say any words, the token that it was shown among them. */
  #cleaned(error: SinkError): SinkError {
    return error.reworded(this.#options.secrets.redact);
  }

  #noteFailure(error: SinkError): SinkError {
    if (error.kind === 'rejected') this.#health.good();
    else this.#health.bad(error.message);
    return error;
  }
}

function asSinkError(thrown: unknown): SinkError {
  if (!(thrown instanceof TokenError)) return sinkErrorOf(thrown);
  const kind = thrown.refused ? 'fatal' : 'unavailable';
  return new SinkError(kind, thrown.message, { cause: thrown, isUnsent: true });
}

/** The request was accepted for all that; of an error that names no entity nobody knows what it means (schema facts, "What the server enforces"). */
function rejectedFor(errors: readonly string[]): SinkError {
  const entities = namedEntities(errors);
  const refusal: Refusal = entities ? { of: 'named', entities, othersTaken: true } : { of: 'unknown' };
  return new SinkError('rejected', describeIngestErrors(errors), { refusal });
}

function metadataWith(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, platform: platformText() };
}

/** DIODE_MAX_AUTH_RETRIES: how often in all, for the token and for a call with it. */
function readAttempts(text: string | undefined): number {
  const attempts = Number(text);
  return Number.isInteger(attempts) && attempts > 0 ? attempts : DEFAULT_AUTH_ATTEMPTS;
}
