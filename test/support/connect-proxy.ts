import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import net, { type AddressInfo } from 'node:net';

/** A proxy for CONNECT on loopback that leads to one port of this machine, whatever name it is asked for. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly { readonly authority: string; readonly headers: IncomingHttpHeaders }[];
}

/** @param refusing it leads nowhere: every CONNECT gets a 403. */
export async function startConnectProxy(port: number, refusing = false): Promise<ConnectProxy> {
  const asked: { authority: string; headers: IncomingHttpHeaders }[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const server = http.createServer();
  server.on('connect', (request, socket) => {
    asked.push({ authority: request.url ?? '', headers: request.headers });
    sockets.add(socket);
    if (refusing) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const upstream = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    sockets.add(upstream);
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
