import { appendFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const never = new Promise(() => undefined);
/** Servers by the policies that they were set up for. */
const servers = new Map();

function note({ scope }, text) {
  if (scope.notes !== undefined) appendFileSync(scope.notes, `${text}\n`);
}

/** Hands over what is POSTed to it, a name a line, and says what came of that. */
async function listen({ scope }, { ingest, signal }) {
  const server = createServer(async (request, reply) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    try {
      await ingest(body.split('\n').map((name) => ({ device: { name } })));
      reply.end('kept');
    } catch (error) {
      reply.writeHead(500).end(error.message);
    }
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(scope.port, '127.0.0.1', resolve);
  });
  signal.addEventListener('abort', () => server.closeAllConnections());
  return server;
}

const moods = {
  async listens(policy, context) {
    servers.set(context, await listen(policy, context));
  },
  throws() {
    throw new Error('the port is taken');
  },
  async hangs() {
    await never;
  },
  spins() {
    for (;;);
  },
  exits() {
    setTimeout(() => process.exit(5), 20);
  },
  throwsLater(_, { signal }) {
    const timer = setTimeout(() => {
      throw new Error('boom from a listener');
    }, 20);
    signal.addEventListener('abort', () => clearTimeout(timer));
  },
  leaks(_, { signal }) {
    const kept = [];
    const timer = setInterval(() => kept.push(Buffer.alloc(32 * 2 ** 20, 1)), 5);
    signal.addEventListener('abort', () => clearInterval(timer));
  },
  ingestsLater({ scope }, { ingest, log }) {
    setTimeout(async () => {
      try {
        await ingest([{ device: { name: 'by itself' } }]);
        log.info('it is kept');
      } catch (error) {
        log.info(error.message);
      }
    }, scope.ms);
  },
  fails(_, { recordFailure, log }) {
    recordFailure(new Error('lost the connection'));
    log.warn('trying again');
  },
  /** Says to the daemon what it likes: `{life}` stands for its own number. */
  says({ scope }) {
    const body = Buffer.from(scope.json);
    const frame = Buffer.alloc(5 + body.length);
    frame.writeUInt32BE(body.length, 0);
    body.copy(frame, 5);
    writeSync(3, frame);
  },
  quiet() {},
};

/** Lives in its process as its scope says: `{ mood, notes?, port?, teardown? }`. */
export default {
  describe: () => ({ name: 'resident', app_name: 'resident', app_version: '1' }),

  async setup(policy, context) {
    note(policy, `setup ${context.policyName} ${process.pid}`);
    await moods[policy.scope.mood](policy, context);
  },

  async teardown(policy, context) {
    const { scope } = policy;
    note(policy, `teardown ${context.policyName} ${process.pid} ${context.signal.aborted}`);
    if (scope.teardown === 'throws') throw new Error('cannot let go');
    if (scope.teardown === 'hangs') await never;
    if (scope.teardown === 'ingests') await context.ingest([{ device: { name: 'last words' } }]);
    const server = servers.get(context);
    servers.delete(context);
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    note(policy, `gone ${context.policyName}`);
  },

  async *run({ scope }, { signal }) {
    if (scope.runs !== undefined) await sleep(scope.runs, undefined, { signal });
    yield { device: { name: `by ${process.pid}` } };
  },
};
