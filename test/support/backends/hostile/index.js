import { closeSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const never = new Promise(() => undefined);
/** The descriptor of the daemon's channel. */
const CHANNEL = 3;

/** The channel does not block: what it cannot take yet is written again. */
async function writeToChannel(bytes) {
  for (;;) {
    try {
      return writeSync(CHANNEL, bytes);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      await sleep(1);
    }
  }
}

/** Ways to behave badly, and well, beside each other. `scope` is `{ mood, ... }`. */
const moods = {
  async waits(_, { signal }) {
    await sleep(600_000, undefined, { signal });
  },
  async *waitsFor({ ms }) {
    yield { device: { name: 'before' } };
    await sleep(ms);
    yield { device: { name: 'after' } };
  },
  async ignoresSignal() {
    await never;
  },
  async *yieldsForEver() {
    for (let index = 0; ; index++) yield { device: { name: `device-${index}` } };
  },
  *yieldsForEverAtOnce() {
    for (let index = 0; ; index++) yield { device: { name: `device-${index}` } };
  },
  spins() {
    for (;;);
  },
  *burns({ ms }) {
    const endsAt = performance.now() + ms;
    while (performance.now() < endsAt);
    yield { device: { name: `by ${process.pid}` } };
  },
  async *burnsPolitely({ ms }) {
    const endsAt = performance.now() + ms;
    while (performance.now() < endsAt) yield { device: { name: `by ${process.pid}` } };
  },
  allocates() {
    const kept = [];
    for (;;) kept.push(new Array(1_000).fill(kept.length));
  },
  async exits({ status }) {
    await sleep(1);
    process.exit(status);
  },
  async aborts() {
    await sleep(1);
    process.abort();
  },
  async killsItself({ signal }) {
    process.kill(process.pid, signal);
    await never;
  },
  async throwsFromTimer() {
    setTimeout(() => {
      throw new Error('boo from a timer');
    }, 1);
    await never;
  },
  async throwsWhenAborted(_, { signal }) {
    signal.addEventListener('abort', () => {
      throw new Error('boo from a listener');
    });
    await never;
  },
  async logsAndThrows(_, { log, progress }) {
    setTimeout(() => {
      for (let line = 0; line < 10_000; line++) log.info('on and on');
      progress(1);
      progress(2);
      throw new Error('boo after many words');
    }, 1);
    await never;
  },
  async reportsAfterItsRun(_, context) {
    setTimeout(() => {
      context.log.info('too late');
      context.progress(1);
    }, 20);
    return [];
  },
  async throwsAfterItsRun() {
    setTimeout(() => {
      throw new Error('boo from the past');
    }, 20);
    return [];
  },
  async rejects() {
    void Promise.reject(new Error('nobody listens'));
    await never;
  },
  *writesRubbish() {
    writeSync(CHANNEL, 'this is no frame at all, and it is long enough to be read as one');
    for (;;) yield { device: { name: 'x' } };
  },
  async sendsMessage({ json, times = 1 }) {
    const frame = Buffer.alloc(5 + Buffer.byteLength(json));
    frame.writeUInt32BE(frame.length - 5, 0);
    frame.write(json, 5);
    for (let count = 0; count < times; count++) await writeToChannel(frame);
    await never;
  },
  async sendsBatch() {
    const frame = Buffer.alloc(5 + 8 + 100);
    frame.writeUInt32BE(frame.length - 5, 0);
    frame.writeUInt8(1, 4);
    frame.writeUInt32BE(1, 5);
    writeSync(CHANNEL, frame);
    await never;
  },
  async closesChannel() {
    closeSync(CHANNEL);
    await never;
  },
  async logs({ lines, length }, { log }) {
    for (let line = 0; line < lines; line++) log.info('x'.repeat(length));
    return [];
  },
  async writesOutput({ lines, length }) {
    for (let line = 0; line < lines; line++) process.stdout.write(`${'x'.repeat(length)}\n`);
    return [];
  },
  *yieldsOneOf({ characters }) {
    yield { device: { name: 'big', comments: 'ü'.repeat(characters) } };
  },
  async looksAround(scope, context) {
    const { log, progress, policyName, signal } = context;
    log.debug(policyName);
    const inner = [context, scope, scope.deep.list, scope.deep.list[0]];
    log.warn(`frozen: ${inner.map(Object.isFrozen).join(' ')}`);
    log.error(`aborted: ${signal.aborted}`);
    progress(1);
    for (let done = 2; done <= 1_000; done++) progress(done, 1_000);
    return [];
  },
  doesNothing: () => [],
};

export default {
  describe: () => ({ name: 'hostile', app_name: 'hostile-app', app_version: '1.0.0' }),
  run: ({ scope }, context) => moods[scope.mood](scope, context),
};
