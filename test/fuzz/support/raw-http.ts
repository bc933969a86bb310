import { connect } from 'node:net';

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** A server that has answered says nothing more within this time. */
const QUIET_MS = 10;
/** After this a request that has no answer is taken for one that is not whole. */
const UNANSWERED_MS = 250;
const CLOSED_WITHIN_MS = 5_000;

/**
 * Sends bytes and reads what is answered; what does not come to a request is ended, and then has to be let go.
 * Rejects when the connection stays open.
 */
export function answersTo(port: number, bytes: Buffer): Promise<readonly RawAnswer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(readAnswers(Buffer.concat(chunks).toString('latin1')));
    };
    const giveUp = (): void => {
      socket.destroy();
      reject(
        new Error(`the connection stays open after ${JSON.stringify(bytes.toString('latin1', 0, 200))}`),
      );
    };
    const end = (): void => {
      socket.end();
      timer = setTimeout(giveUp, CLOSED_WITHIN_MS);
    };
    let timer = setTimeout(end, UNANSWERED_MS);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(done, QUIET_MS);
    });
    socket.on('error', done);
    socket.on('close', done);
  });
}

const HEAD = /HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n([\s\S]*?)\r\n\r\n/y;

/** In their order; one that is cut off is left out. */
function readAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let at = 0;
  for (;;) {
    HEAD.lastIndex = at;
    const head = HEAD.exec(text);
    if (head === null) return answers;
    const headers = (head[2] ?? '').toLowerCase();
    const bodyAt = at + head[0].length;
    const isHead = text.startsWith('HTTP/1.1 ', bodyAt);
    const length = isHead ? 0 : Number(/^content-length: (\d+)/m.exec(headers)?.[1] ?? 0);
    at = bodyAt + length;
    if (at > text.length) return answers;
    answers.push({ status: Number(head[1]), headers, body: text.slice(bodyAt, at) });
  }
}
