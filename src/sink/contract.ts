/**
 * What one batch carries: entities framed for an `IngestRequest` (`diode`), log records framed for a
 * `ScopeLogs` (`otlp`), or entities as JSON text, ready between the brackets of a list (`json`).
 */
export const BATCH_ENCODINGS = ['diode', 'otlp', 'json'] as const;

export type BatchEncoding = (typeof BATCH_ENCODINGS)[number];

/** Whose entities these are: what a sink tells its receiver beside them. */
export interface RunIdentity {
  readonly runId: string;
  /** The policy's name as a run sees it, without line breaks. */
  readonly policyName: string;
  /** `name` of the backend's description. */
  readonly backend: string;
  /** `app_name` of the backend's description, without the daemon's prefix. */
  readonly appName: string;
  readonly appVersion: string;
}

/** Entities encoded together: what is kept, sent, tried again and acknowledged under one request id. */
export interface Batch {
  /** The request id: one UUID for the batch's whole life, however often it is sent. */
  readonly id: string;
  readonly run: RunIdentity;
  readonly entityCount: number;
  readonly bytes: Buffer;
}

/** `valid`: to be used for the next call; `none`: never had, refused or too old, and nobody has asked for a new one yet. */
export type TokenState = 'none' | 'fetching' | 'valid';

/** gRPC's words; `none`: no call was made yet. */
export type ChannelState = 'none' | 'idle' | 'connecting' | 'ready' | 'transient_failure' | 'shutdown';

/** What the way to the receiver looks like now, for `/readyz`, status, metrics and the log. */
export interface SinkHealth {
  readonly ok: boolean;
  /** One sentence for a person; `''` when `ok`. */
  readonly reason: string;
  /** undefined where the receiver wants none. */
  readonly token?: TokenState;
  /** undefined where there is no connection to speak of. */
  readonly channel?: ChannelState;
}

/** Where batches go. A sink never tries a batch again by itself, but for an expired token. */
export interface Sink {
  readonly encoding: BatchEncoding;
  /**
   * Called once before the daemon listens. Rejects with a {@link SinkError} of kind `fatal` when the daemon
   * cannot do its work with this configuration; resolves within about a second otherwise, reachable or not.
   */
  start(): Promise<void>;
  /**
   * Resolves when the receiver has acknowledged the batch, whose bytes nobody may read any more: their memory may have been
   * given back. Rejects with a {@link SinkError}, and the bytes are as they were.
   */
  send(batch: Batch, signal: AbortSignal): Promise<void>;
  health(): SinkHealth;
  /** Releases channels, sockets and timers; calls under way are cut off. */
  close(): Promise<void>;
}

/** `unavailable`: try again later. `rejected`: this batch never will. `fatal`: nothing will, until the configuration changes. */
export type SinkErrorKind = 'unavailable' | 'rejected' | 'fatal';

/** An entity that a receiver has something against. */
export interface NamedEntity {
  /** Its place in the batch, from 0. */
  readonly index: number;
  /** The receiver's words. */
  readonly words: string;
}

/** What of a batch was rejected. */
export type Refusal =
  /** These; the others were taken (`othersTaken`), or would be if these were not among them. */
  | { readonly of: 'named'; readonly entities: readonly NamedEntity[]; readonly othersTaken: boolean }
  /** More than the receiver takes at a time. */
  | { readonly of: 'size' }
  /** Every entity. */
  | { readonly of: 'all' }
  /** The receiver does not say. */
  | { readonly of: 'unknown' };

/** Why a batch was not acknowledged; `message` becomes the run's reason. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
  readonly kind: SinkErrorKind;
  /** For a batch that was rejected. */
  readonly refusal: Refusal;
  /** The batch did not get as far as the receiver: there was no connection, or no token. */
  readonly isUnsent: boolean;

  constructor(
    kind: SinkErrorKind,
    message: string,
    options?: ErrorOptions & { readonly refusal?: Refusal; readonly isUnsent?: boolean },
  ) {
    super(message, options);
    this.kind = kind;
    this.refusal = options?.refusal ?? { of: 'unknown' };
    this.isUnsent = options?.isUnsent ?? false;
  }

  /** The same, with each of its texts as `change` makes it. */
  reworded(change: (text: string) => string): SinkError {
    const { kind, message, cause, refusal, isUnsent } = this;
    const reword = (entity: NamedEntity): NamedEntity => ({ ...entity, words: change(entity.words) });
    return new SinkError(kind, change(message), {
      cause,
      isUnsent,
      refusal: refusal.of === 'named' ? { ...refusal, entities: refusal.entities.map(reword) } : refusal,
    });
  }
}
