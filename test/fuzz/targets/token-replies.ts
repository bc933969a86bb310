import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { Secrets } from '../../../src/secrets.ts';
import { TokenError, TokenSource } from '../../../src/sink/diode/token.ts';
import { parseTarget } from '../../../src/sink/target.ts';
import type { FuzzTarget } from '../support/target.ts';

const SECRET = 'hunter2';
/** Deadlines and waits pass twenty times as fast. */
const hurriedClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs / 20, callback),
};

/** What answers on the port of the token endpoint, HTTP or not: a token that a header can carry, or a clear reason. */
export const target: FuzzTarget = {
  name: 'token-replies',
  waits: true,
  limitMs: 3_000,
  words: [
    ...[
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 ',
      '100 Continue\r\n',
      '101 Switching\r\n',
      '204 \r\n',
      '302 Found\r\n',
      '503 \r\n',
    ],
    ...[
      '\r\n',
      '\r\n\r\n',
      'Content-Length: ',
      'Transfer-Encoding: chunked\r\n',
      'Location: /\r\n',
      'Retry-After: 1\r\n',
    ],
    ...[
      '0\r\n\r\n',
      'ffff\r\n',
      'Upgrade: x\r\nConnection: Upgrade\r\n',
      'Content-Encoding: gzip\r\n',
      'Connection: ',
    ],
    ...['{"access_token":"abc"}', '"expires_in":', '1e999', '-1', '{', '}', '\0', 'ü', '[]'],
  ],
  async open() {
    let reply = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(reply));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      try(input) {
        reply = Buffer.from(input);
        return tryEndpoint(port);
      },
      async [Symbol.asyncDispose]() {
        server.close();
        await once(server, 'close');
      },
    };
  },
};

async function tryEndpoint(port: number): Promise<void> {
  const source = new TokenSource({
    route: { target: parseTarget(`http://127.0.0.1:${port}`), tls: undefined, proxy: undefined },
    clientId: 'me',
    clientSecret: SECRET,
    userAgent: 'fuzz',
    maxTries: 1,
    clock: hurriedClock,
    random: () => 0,
    secrets: new Secrets(),
  });
  try {
    const token = await source.get(new AbortController().signal);
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('a token that no header can carry');
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    if (error.message.includes(SECRET) || error.message.includes('\n')) throw new Error(`'${error.message}'`);
  } finally {
    source.close();
  }
}
