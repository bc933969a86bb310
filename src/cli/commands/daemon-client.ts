import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { z } from 'zod';
import { messageOf, StartError } from '../../errors.ts';
import type { ApiTokenOption } from '../../options.ts';
import { type GivenValues, takeOption } from '../read-options.ts';

/** A bulk of dead letters may take a while. */
const PATIENCE_MS = 600_000;

type Method = 'GET' | 'POST' | 'DELETE';

/** A daemon that runs somewhere. */
export interface DaemonClient {
  /**
   * Its reply, read by a schema that says what of it matters; what it says beside that is in the reply all the same.
   * Rejects with a `StartError` of exit status 1 that says in one line why there is none.
   */
  ask<Schema extends z.ZodType>(
    method: Method,
    path: string,
    schema: Schema,
  ): Promise<{ readonly reply: z.output<Schema>; readonly asIs: unknown }>;
}

/** The daemon that the options name; nothing is sent yet. */
export function daemonClient(given: GivenValues, env: NodeJS.ProcessEnv): DaemonClient {
  const certificates = contentOf(takeOption('tlsCert', given, env), '--tls-cert');
  const scheme = certificates === undefined ? 'http' : 'https';
  const base = `${scheme}://${reachable(takeOption('host', given, env))}:${takeOption('port', given, env)}`;
  const token = tokenOf([...takeOption('apiToken', given, env), ...takeOption('apiReadToken', given, env)]);
  const options: https.RequestOptions = {
    agent: false,
    timeout: PATIENCE_MS,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(certificates === undefined ? {} : trusting(certificates)),
  };
  return {
    async ask(method, path, schema) {
      const response = await answerTo(new URL(path, base), { ...options, method }).catch((error: unknown) => {
        throw new StartError(1, `no daemon answers at ${base}: ${whyNot(error)}`, { cause: error });
      });
      const asIs = readJson(response.body);
      if (response.status >= 300) throw new StartError(1, refusalOf(base, response.status, asIs));
      const read = schema.safeParse(asIs);
      if (!read.success) throw new StartError(1, `what answers at ${base} is no orb-worker, or an older one`);
      return { reply: read.data, asIs };
    },
  };
}

/** A daemon that listens on every address is reached on its own machine. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Of several, the daemon knows each: the first will do. */
function tokenOf([option]: readonly ApiTokenOption[]): string | undefined {
  if (option === undefined || option.kind === 'text') return option?.token;
  const lines = (contentOf(option.path, '--api-token') ?? '').split(/\r?\n/);
  return lines.find((line) => line !== '');
}

function contentOf(path: string | undefined, flag: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(1, `${flag}: ${messageOf(error)}`, { cause: error });
  }
}

/** Whoever shows one of these certificates is the daemon, by whatever name it is called. */
function trusting(certificates: string): https.RequestOptions {
  const known = fingerprintsIn(certificates);
  return {
    ca: certificates,
    allowPartialTrustChain: true,
    checkServerIdentity: (host, shown) =>
      known.includes(shown.fingerprint256) ? undefined : tls.checkServerIdentity(host, shown),
  };
}

function fingerprintsIn(certificates: string): string[] {
  const blocks = certificates.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block).fingerprint256);
  } catch (error) {
    throw new StartError(1, `--tls-cert: ${messageOf(error)}`, { cause: error });
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function answerTo(url: URL, options: https.RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const call = request(url, options, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error('it did not answer in time')));
    call.end();
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the connection was cut off (where it speaks HTTPS, --tls-cert is needed)',
  EPROTO: 'it does not speak HTTPS, or not with this certificate',
};

function whyNot(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? messageOf(error);
}

/** undefined for what is no JSON. */
function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const refusal = z.object({ detail: z.string() });

function refusalOf(base: string, status: number, reply: unknown): string {
  const read = refusal.safeParse(reply);
  if (!read.success) return `what answers at ${base} is no orb-worker: it says ${status}`;
  return status === 401 ? `${base} refuses: ${read.data.detail} (--api-token)` : read.data.detail;
}
