import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../errors.ts';
import { SinkError } from './contract.ts';
import { type ConnectProxy, proxyFor } from './proxy.ts';
import type { Target } from './target.ts';

/** How to verify the receiver; verifying or not, it is always TLS. */
export interface TlsSettings {
  /** PEM: who may have signed the receiver's certificate; undefined: whom Node trusts. */
  readonly ca: Buffer | undefined;
  readonly rejectUnauthorized: boolean;
}

/** The way to a receiver: gRPC calls and token requests take the same. */
export interface Route {
  readonly target: Target;
  /** undefined: plaintext. */
  readonly tls: TlsSettings | undefined;
  readonly proxy: ConnectProxy | undefined;
}

/**
 * Reads what the environment says about the way to `target`: DIODE_CERT_FILE, DIODE_SKIP_TLS_VERIFY and the proxies'
 * variables. Rejects with a {@link SinkError} of kind `fatal` that names the variable. (sheet: Environment)
 */
export async function readRoute(target: Target, env: NodeJS.ProcessEnv): Promise<Route> {
  const tls = target.secure ? await readTlsSettings(env) : undefined;
  try {
    return { target, tls, proxy: proxyFor(target, env) };
  } catch (error) {
    throw new SinkError('fatal', `Unable to connect to Diode Server: ${messageOf(error)}`);
  }
}

async function readTlsSettings(env: NodeJS.ProcessEnv): Promise<TlsSettings> {
  const skipsVerifying = ['true', '1', 'yes', 'on'].includes((env.DIODE_SKIP_TLS_VERIFY ?? '').toLowerCase());
  const file = env.DIODE_CERT_FILE;
  return {
    ca: file ? await readCertificates(file) : undefined,
    rejectUnauthorized: !skipsVerifying,
  };
}

async function readCertificates(file: string): Promise<Buffer> {
  try {
    const pem = await readFile(file);
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no PEM certificate in it');
    createSecureContext({ ca: pem });
    return pem;
  } catch (error) {
    throw new SinkError(
      'fatal',
      `Unable to connect to Diode Server: DIODE_CERT_FILE ${file} cannot be used: ${messageOf(error)}`,
    );
  }
}
