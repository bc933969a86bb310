import { FuzzedDaemon } from '../support/fuzzed-daemon.ts';
import { answersTo, type RawAnswer } from '../support/raw-http.ts';
import { requestsFor } from '../support/requests.ts';
import type { FuzzTarget } from '../support/target.ts';

const TIDY_AFTER = 200;

/** Bytes on the port of a real daemon, from requests for each route of its own document. */
export const target: FuzzTarget = {
  name: 'routes',
  waits: true,
  limitMs: 10_000,
  lanes: 8,
  words: [
    ...[
      'GET ',
      'POST ',
      'PUT ',
      'DELETE ',
      'HEAD ',
      'OPTIONS ',
      'CONNECT ',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      ' HTTP/1.1\r\n',
    ],
    ...[
      '/api/v1/policies',
      '/api/v1/policies/',
      '/api/v1/runs',
      '/runs',
      '/trace',
      '/api/v1/dead-letters',
      '/retry',
      '/api/v1/status',
      '/healthz',
      '/readyz',
      '/docs',
    ],
    ...[
      '%2F',
      '%00',
      '%',
      '%ff',
      '..',
      '//',
      '?',
      '&',
      '=',
      '?limit=',
      '?cursor=',
      '?policy=',
      '?status=',
      '-1',
      '1e9',
    ],
    ...[
      '\r\n',
      '\r\n\r\n',
      'Host: x\r\n',
      'Content-Length: ',
      'Transfer-Encoding: chunked\r\n',
      'Content-Type: ',
    ],
    ...[
      'application/x-yaml',
      'application/json',
      'Expect: 100-continue\r\n',
      'Connection: close\r\n',
      'Upgrade: h2c\r\n',
    ],
    ...[
      'Authorization: Bearer x\r\n',
      'Origin: http://x\r\n',
      'X-Forwarded-For: 1.1.1.1\r\n',
      'Range: bytes=0-1\r\n',
      '\0',
    ],
    ...[
      'policies: {p: {config: {package: plain}, scope: 1}}',
      '0\r\n\r\n',
      '5\r\n',
      'If-None-Match: *\r\n',
      '__proto__',
    ],
  ],
  async open() {
    const daemon = await FuzzedDaemon.start();
    let tries = 0;
    return {
      seeds: await requestsFor(daemon.url),
      async try(input) {
        for (const answer of await answersTo(daemon.port, input)) lookAt(answer);
        if (++tries % TIDY_AFTER === 0) await daemon.tidyUp();
        daemon.check();
      },
      [Symbol.asyncDispose]: () => daemon.stop(),
    };
  },
};

function lookAt({ status, headers, body }: RawAnswer): void {
  if (status >= 500 && status !== 503) throw new Error(`${status} ${body}`);
  const type = /^content-type: ([^;\r]+)/m.exec(headers)?.[1];
  if (type === 'application/json' && body !== '') JSON.parse(body);
  else if (status >= 400 && body !== '') throw new Error(`${status} is answered with ${type}`);
}
