import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameError } from '../../src/backend/frames.ts';
import { type FromChild, shorten } from '../../src/backend/messages.ts';
import { readMessage } from '../../src/backend/read-message.ts';

const read = (value: unknown): FromChild => readMessage(Buffer.from(JSON.stringify(value)));

const run = fc.nat({ max: 2 ** 32 - 1 });
const text = fc.string({ unit: 'grapheme', maxLength: 100 });
const someone = fc.option(run);
const message: fc.Arbitrary<FromChild> = fc.oneof(
  fc.record({ type: fc.constantFrom('entered', 'returned'), runs: fc.array(run, { minLength: 1 }) }),
  fc.record({ type: fc.constant('failed'), run, reason: text }),
  fc.record({ type: fc.constant('cancelled'), run }),
  fc.record({ type: fc.constant('turned'), runs: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ type: fc.constant('offer'), run, bytes: run }),
  fc.record({ type: fc.constant('progress'), run, done: fc.integer(), total: fc.option(fc.integer()) }),
  fc.record({
    type: fc.constant('log'),
    run,
    level: fc.constantFrom('debug', 'info', 'warn', 'error'),
    message: text.map((long) => shorten(long, 50)),
  }),
  fc.record({ type: fc.constant('loaded'), id: run }),
  fc.record({ type: fc.constant('unusable'), id: run, reason: text, detail: text }),
  fc.record({
    type: fc.constant('described'),
    id: run,
    description: fc.constant({ name: 'a', app_name: 'b', app_version: 'c', description: '' }),
    isResident: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('checked'),
    id: run,
    findings: fc.array(
      fc.record({
        part: fc.constantFrom('config', 'scope'),
        path: fc.array(fc.oneof(text, fc.integer())),
        type: text,
        message: text,
      }),
    ),
  }),
  fc.record({ type: fc.constant('declined'), id: run, reason: text, thrown: fc.boolean() }),
  fc.record({ type: fc.constant('ingest'), run, id: run }),
  fc.record({ type: fc.constant('failure'), run, reason: text }),
  fc.record({ type: fc.constant('up'), life: run }),
  fc.record({ type: fc.constant('down'), life: run, reason: fc.option(text) }),
  fc.record({ type: fc.constant('leaving'), run: someone }),
  fc.record({ type: fc.constant('threw'), run: someone, message: text }),
);

describe('what a child says', () => {
  test('is read as it was said', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(read(sent)).toEqual(sent);
      }),
    );
  });

  test('is a message or a FrameError, whatever the bytes are', () => {
    const anything = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
      fc.tuple(message, fc.string(), fc.jsonValue()).map(([sent, key, value]) => {
        return Buffer.from(JSON.stringify({ ...sent, [key]: value }));
      }),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        try {
          expect(readMessage(bytes)).toHaveProperty('type');
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });

  test.each([
    null,
    [],
    'entered',
    {},
    { type: 'entered' },
    { type: 'entered', runs: 5 },
    { type: 'entered', runs: [] },
    { type: 'entered', runs: [-1] },
    { type: 'entered', runs: [1.5] },
    { type: 'entered', runs: ['1'] },
    { type: 'entered', runs: Array(10_001).fill(1) },
    { type: 'returned', runs: [1], reason: 'more than is known' },
    { type: 'failed', run: 1, reason: 'x'.repeat(9_000) },
    { type: 'turned', runs: 0 },
    { type: 'offer', run: 1, bytes: -1 },
    { type: 'offer', run: 1, bytes: 2 ** 33 },
    { type: 'progress', run: 1, done: null, total: null },
    { type: 'log', run: 1, level: 'fatal', message: '' },
    { type: 'described', id: 1, description: { name: '', app_name: 'b', app_version: 'c' } },
    {
      type: 'checked',
      id: 1,
      findings: Array(101).fill({ part: 'config', path: [], type: '', message: '' }),
    },
    { type: 'checked', id: 1, findings: [{ part: 'other', path: [], type: '', message: '' }] },
    { type: 'described', id: 1, description: { name: 'a', app_name: 'b', app_version: 'c' } },
    { type: 'ingest', run: 1 },
    { type: 'ingest', run: 1, id: 2 ** 32 },
    { type: 'failure', run: 1, reason: 'x'.repeat(9_000) },
    { type: 'up', life: null },
    { type: 'down', life: 1 },
    { type: 'start', run: 1 },
    { type: '__proto__' },
  ])('is refused when it is %j', (value) => {
    expect(() => read(value)).toThrow(FrameError);
  });

  test('may be nested without end', () => {
    const deep = Buffer.from('['.repeat(500_000));
    expect(() => readMessage(deep)).toThrow(FrameError);
    expect(() => readMessage(Buffer.from(`${'['.repeat(500_000)}${']'.repeat(500_000)}`))).toThrow(
      FrameError,
    );
  });

  test('pollutes nothing', () => {
    expect(() => readMessage(Buffer.from('{"type":"loaded","id":1,"__proto__":{"polluted":true}}'))).toThrow(
      FrameError,
    );
    expect({}).not.toHaveProperty('polluted');
  });
});
