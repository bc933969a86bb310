import type { RequestListener } from 'node:http';
import https from 'node:https';
import type { ClientCertificates } from './locks/client-certificates.ts';
import type { ServerTls } from './locks/server-tls.ts';

/** An HTTPS server that takes renewed certificates into use while it serves. */
export function createHttpsServer(
  tls: ServerTls,
  certificates: ClientCertificates,
  options: https.ServerOptions,
  onRequest: RequestListener,
): https.Server {
  const server = https.createServer({ ...options, ...tls.options }, onRequest);
  certificates.watch(server);
  let authorities = tls.authorities;
  tls.onRenewed((context) => {
    server.setSecureContext(context);
    if (tls.authorities === authorities) return;
    authorities = tls.authorities;
    // So that a client which is still welcome learns of it by a new connection, not by a refusal.
    server.closeIdleConnections();
  });
  return server;
}
