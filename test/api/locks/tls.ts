import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll } from 'vitest';
import { type Issued, TestPki } from '../../support/pki.ts';
import type { TestApi } from '../support.ts';

export let pki: TestPki;
export let strangers: TestPki;
export let server: Issued;
export let client: Issued;

/** Two authorities, and what the first has issued, for the tests of a file. */
export function issueCertificates(): void {
  beforeAll(() => {
    pki = new TestPki();
    strangers = new TestPki('another authority');
    server = pki.issue('localhost', { names: 'DNS:localhost,IP:127.0.0.1', usage: 'serverAuth' });
    client = pki.issue('agent', { usage: 'clientAuth' });
  });
  afterAll(() => {
    pki[Symbol.dispose]();
    strangers[Symbol.dispose]();
  });
}

interface Reply {
  readonly status: number;
  readonly detail: unknown;
  readonly location: string | undefined;
}

/** Calls over TLS, the server's certificate verified by its authority. */
export function call(api: TestApi, url: string, options: RequestOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port: api.port,
      path: url,
      ca: pki.ca,
      agent: false,
      ...options,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      text(response).then((body) => {
        const { detail } = body === '' ? {} : JSON.parse(body);
        resolve({ status: response.statusCode ?? 0, detail, location: response.headers.location });
      }, reject);
    });
    request.end();
  });
}

/** The serial number of the certificate that a server shows. */
export async function shownBy(api: TestApi): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port: api.port, ca: pki.ca });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

export function serialOf({ cert }: Issued): string {
  return new X509Certificate(cert).serialNumber;
}

/** Copies of a certificate's files that a test may write over. */
export function filesOf(issued: Issued, name: string): { tlsCert: string; tlsKey: string } {
  const [tlsCert, tlsKey] = [path.join(pki.dir, `${name}.crt`), path.join(pki.dir, `${name}.key`)];
  copyFileSync(issued.certFile, tlsCert);
  copyFileSync(issued.keyFile, tlsKey);
  return { tlsCert, tlsKey };
}
