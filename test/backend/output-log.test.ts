import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputLog } from '../../src/backend/output-log.ts';
import { HeldClock } from '../support/held-clock.ts';

test('lines come out as they went in, however the bytes are cut', async () => {
  const line = fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .map((text) => text.replaceAll(/[\r\n]/g, '').trimEnd());
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 20 }),
      fc.integer({ min: 1, max: 7 }),
      async (lines, cut) => {
        const stream = new PassThrough();
        const seen: string[] = [];
        const log = new OutputLog(stream, new HeldClock(), (text) => seen.push(text));
        const bytes = Buffer.from(lines.join('\n'));
        for (let at = 0; at < bytes.length; at += cut) stream.write(bytes.subarray(at, at + cut));
        stream.end();
        await log.ended;
        expect(seen).toEqual(lines.filter((text) => text !== ''));
      },
    ),
  );
});

test('a stream that floods is read no faster than its share, and everything once its writer is gone', async () => {
  const clock = new HeldClock();
  const stream = new PassThrough({ highWaterMark: 2 ** 16 });
  const log = new OutputLog(stream, clock, () => undefined);
  let written = 0;
  const flood = (): void => {
    while (written < 64) {
      written++;
      if (!stream.write(Buffer.alloc(2 ** 16, 'x\n'))) return;
    }
  };
  stream.on('drain', flood);
  flood();
  await clock.advance(0);
  const first = written;
  expect(first).toBeLessThan(25);
  await clock.advance(1_000);
  expect(written).toBeGreaterThan(first);
  expect(written).toBeLessThan(45);
  log.drain();
  await expect.poll(() => written).toBe(64);
  stream.end();
  await log.ended;
  expect(clock.pending).toBe(0);
});
