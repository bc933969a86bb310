import type { Logger } from 'pino';
import type { Clock } from '../../clock.ts';
import type { Secrets } from '../../secrets.ts';
import { ApiTokens, type TokenOptions } from './api-tokens.ts';
import { LockFault } from './lock-file.ts';
import { ServerTls } from './server-tls.ts';

/** What stands between the API and strangers. */
export interface Locks {
  readonly tokens: ApiTokens;
  /** undefined: plain HTTP. */
  readonly tls: ServerTls | undefined;
  /** Whether requests need a token or a certificate. */
  readonly areLocked: boolean;
  /** What is wrong with the files of tokens and certificates now, a sentence each. */
  faults(): readonly string[];
  /** Looks at the files no more. */
  stop(): void;
}

interface LockOptions extends TokenOptions {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
}

interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly secrets: Secrets;
}

/** Reads tokens and certificates. Rejects with a `StartError` that names the file which cannot be used. */
export async function openLocks(options: LockOptions, surroundings: Surroundings): Promise<Locks> {
  try {
    const tokens = await ApiTokens.read(options, surroundings);
    const tls = await readTls(options, surroundings).catch((error: unknown) => {
      tokens.stop();
      throw error;
    });
    return {
      tokens,
      tls,
      areLocked: tokens.areAsked || tls?.asksClients === true,
      faults: () => [...tokens.faults(), ...(tls?.faults() ?? [])],
      stop: () => {
        tokens.stop();
        tls?.stop();
      },
    };
  } catch (error) {
    throw error instanceof LockFault ? error.asStartError() : error;
  }
}

async function readTls(options: LockOptions, surroundings: Surroundings): Promise<ServerTls | undefined> {
  const { tlsCert, tlsKey, tlsClientCa } = options;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const files = {
    cert: { flag: '--tls-cert', path: tlsCert },
    key: { flag: '--tls-key', path: tlsKey },
    clientCa: tlsClientCa === undefined ? undefined : { flag: '--tls-client-ca', path: tlsClientCa },
  };
  return ServerTls.read(files, surroundings);
}
