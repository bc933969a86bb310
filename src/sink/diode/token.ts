import { STATUS_CODES } from 'node:http';
import { type Clock, pause } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Secrets } from '../../secrets.ts';
import type { TokenState } from '../contract.ts';
import type { Route } from '../route.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { type HttpReply, httpPost } from './http-post.ts';
import { retryDelay } from './retry-delay.ts';

const DEADLINE_MS = 10_000;
/** A token travels in a header, so a longer one would be of no use. */
const LARGEST_REPLY = 64 * 1024;
const REFUSED = [400, 401, 403];
const WORTH_ANOTHER_TRY = [429, 500, 502, 503];
/** A token is not used in the last minute of its life, or in the last tenth of a short one. */
const LONGEST_MARGIN_MS = 60_000;
const MARGIN_SHARE = 0.1;

/** No token; `refused` when the credentials are the reason. Its text shows neither id nor secret. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly refused: boolean;

  constructor(why: string, refused = false) {
    super(`Failed to obtain access token: ${why}`);
    this.refused = refused;
  }
}

export interface TokenSourceOptions {
  readonly route: Route;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly userAgent: string;
  readonly maxTries: number;
  readonly clock: Clock;
  /** Are told each token, and the one before it, which calls under way may still carry. */
  readonly secrets: Secrets;
  /** From 0 to 1. */
  readonly random: () => number;
}

interface Token {
  readonly text: string;
  /** By the monotonic clock; Infinity when the endpoint does not say. */
  readonly usableUntil: number;
}

/** The one token for all runs: fetched when it is first needed, shared, fetched again when it is old or was refused. */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #closing = new AbortController();
  #token: Token | undefined;
  /** The newest first. */
  #given: readonly string[] = [];
  #fetching: Promise<string> | undefined;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /**
   * A token that should be good. However many ask at once, one fetch is made; `signal` ends only the waiting for it.
   * Rejects with a {@link TokenError}, or with the signal's reason.
   */
  async get(signal: AbortSignal): Promise<string> {
    const usable = this.#usable;
    if (usable !== undefined) return usable.text;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return unlessAborted(this.#fetching, signal);
  }

  /** The receiver did not take this token: the next `get` fetches, unless a newer one is there already. */
  discard(text: string): void {
    if (this.#token?.text === text) this.#token = undefined;
  }

  get state(): TokenState {
    if (this.#usable !== undefined) return 'valid';
    return this.#fetching === undefined ? 'none' : 'fetching';
  }

  /** Ends a fetch that is under way. */
  close(): void {
    this.#closing.abort(new Error('stopped'));
  }

  get #usable(): Token | undefined {
    const isGood = this.#token !== undefined && this.#options.clock.monotonic() < this.#token.usableUntil;
    return isGood ? this.#token : undefined;
  }

  async #fetch(): Promise<string> {
    const { clock, maxTries, random } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const askedAt = clock.monotonic();
      const reply = await this.#ask();
      if (reply.status === 200) {
        return this.#take(readToken(reply, askedAt));
      }
      const failure = failureOf(reply);
      if (!WORTH_ANOTHER_TRY.includes(reply.status) || tries >= maxTries) throw failure;
      await pause(clock, retryDelay(reply, tries, clock.now(), random()), this.#closing.signal);
      if (this.#closing.signal.aborted) throw failure;
    }
  }

  #take(token: Token): string {
    this.#token = token;
    this.#given = [token.text, ...this.#given].slice(0, 2);
    this.#options.secrets.keep('diode tokens', this.#given);
    return token.text;
  }

  async #ask(): Promise<HttpReply> {
    const { route, clientId, clientSecret, userAgent, clock } = this.#options;
    const form = {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'diode:ingest',
    };
    try {
      return await httpPost({
        route,
        path: `${route.target.path}/auth/token`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': userAgent },
        body: new URLSearchParams(form).toString(),
        deadlineMs: DEADLINE_MS,
        largestReply: LARGEST_REPLY,
        clock,
        signal: this.#closing.signal,
      });
    } catch (error) {
      throw new TokenError(messageOf(error));
    }
  }
}

function failureOf({ status }: HttpReply): TokenError {
  if (status >= 300 && status < 400) {
    return new TokenError(`the endpoint redirects (${status}), and credentials are not sent anywhere else`);
  }
  return new TokenError(STATUS_CODES[status] ?? `status ${status}`, REFUSED.includes(status));
}

/** The token in the endpoint's reply. Never shows what was in it: it may be a token after all. */
function readToken(reply: HttpReply, askedAt: number): Token {
  const { access_token: text, expires_in: seconds } = parseObject(reply.body);
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw new TokenError('the reply holds no access_token that a header could carry');
  }
  return { text, usableUntil: askedAt + usableMs(seconds) };
}

function usableMs(expiresIn: unknown): number {
  if (typeof expiresIn !== 'number' || !(expiresIn > 0)) return Number.POSITIVE_INFINITY;
  const lifeMs = expiresIn * 1000;
  return lifeMs - Math.min(LONGEST_MARGIN_MS, lifeMs * MARGIN_SHARE);
}

function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
