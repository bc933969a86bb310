import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { PatientOutput } from '../../src/telemetry/patient-output.ts';
import { HeldClock } from '../support/held-clock.ts';

const INFO = 30;
const ERROR = 50;

/** A real pipe whose reader is the test. */
class Pipe {
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'pipe-'));
  readonly writeEnd: number;
  #readEnd: number | undefined;

  constructor() {
    const fifo = path.join(this.#dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    this.#readEnd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeEnd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  }

  /** All that is in it now. */
  read(): string {
    const chunks: Buffer[] = [];
    const chunk = Buffer.alloc(1_024 * 1_024);
    try {
      for (;;) {
        const length = readSync(this.#readEnd ?? -1, chunk);
        if (length === 0) break;
        chunks.push(Buffer.from(chunk.subarray(0, length)));
      }
    } catch {
      // It is empty.
    }
    return Buffer.concat(chunks).toString();
  }

  closeReadEnd(): void {
    if (this.#readEnd !== undefined) closeSync(this.#readEnd);
    this.#readEnd = undefined;
  }

  close(): void {
    this.closeReadEnd();
    closeSync(this.writeEnd);
    rmSync(this.#dir, { recursive: true });
  }
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const pipes: Pipe[] = [];
afterEach(() => {
  for (const pipe of pipes.splice(0)) pipe.close();
});

function pipe(): Pipe {
  const made = new Pipe();
  pipes.push(made);
  return made;
}

function numbered(n: number): string {
  return `${n} `.padEnd(999, 'x').concat('\n');
}

function numbersIn(text: string): number[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Number.parseInt(line, 10));
}

async function readAll(from: Pipe, clock: HeldClock): Promise<string> {
  let text = '';
  while (clock.pending > 0) {
    text += from.read();
    await clock.advance(1_000);
  }
  return text + from.read();
}

describe('a patient output', () => {
  test('writes the lines of a turn when it is over, as long as somebody reads', async () => {
    const reader = pipe();
    const output = new PatientOutput(reader.writeEnd, new HeldClock());
    output.write('one\n', INFO);
    output.write('zwölf ☃\n', INFO);
    expect(reader.read()).toBe('');
    await endOfTurn();
    expect(reader.read()).toBe('one\nzwölf ☃\n');
  });

  test('writes at once what a process that ends has said in its last turn', () => {
    const reader = pipe();
    const output = new PatientOutput(reader.writeEnd, systemClock);
    output.write('farewell\n', ERROR);
    output.flush(50);
    expect(reader.read()).toBe('farewell\n');
  });

  test('keeps lines for a reader that stands still, whole and in order', async () => {
    const reader = pipe();
    const clock = new HeldClock();
    const output = new PatientOutput(reader.writeEnd, clock);
    for (let n = 0; n < 1_000; n += 1) output.write(numbered(n), INFO);
    const text = await readAll(reader, clock);
    expect(numbersIn(text)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    expect(text.length).toBe(1_000_000);
    expect(output.dropped).toBe(0);
  });

  test('drops what finds no room, keeps errors, and tells once the reader has caught up', async () => {
    const reader = pipe();
    const clock = new HeldClock();
    const output = new PatientOutput(reader.writeEnd, clock, 100_000);
    const told: number[] = [];
    output.onCaughtUp = (dropped) => {
      told.push(dropped);
      output.write('7777777\n', ERROR);
    };
    for (let n = 0; n < 1_000; n += 1) output.write(numbered(n), n % 100 === 99 ? ERROR : INFO);
    const { dropped } = output;
    expect(dropped).toBeGreaterThan(700);
    const numbers = numbersIn(await readAll(reader, clock));
    expect(told).toEqual([dropped]);
    expect(numbers.at(-1)).toBe(7_777_777);
    expect(numbers).toHaveLength(1_000 - dropped + 1);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.filter((n) => n % 100 === 99)).toHaveLength(10);
    output.write('on it goes\n', INFO);
    await endOfTurn();
    expect(reader.read()).toBe('on it goes\n');
    expect(told).toHaveLength(1);
  });

  test('looks seldom after a reader that stands still for long', async () => {
    const reader = pipe();
    const clock = new HeldClock();
    const output = new PatientOutput(reader.writeEnd, clock);
    for (let n = 0; n < 100; n += 1) output.write(numbered(n), INFO);
    await endOfTurn();
    let looks = 0;
    const { after } = clock;
    clock.after = (delayMs, callback) => {
      looks += 1;
      return after.call(clock, delayMs, callback);
    };
    await clock.advance(10_000);
    expect(looks).toBeLessThan(60);
    expect(clock.pending).toBe(1);
  });

  test('a reader that is gone costs nothing, and leaves nothing behind', async () => {
    const reader = pipe();
    const clock = new HeldClock();
    const output = new PatientOutput(reader.writeEnd, clock);
    for (let n = 0; n < 200; n += 1) output.write(numbered(n), INFO);
    await endOfTurn();
    reader.closeReadEnd();
    await clock.advance(1_000);
    output.write('into the void\n', ERROR);
    await endOfTurn();
    expect(clock.pending).toBe(0);
  });

  test('a flush waits for the reader, but no longer than it may', () => {
    const reader = pipe();
    const output = new PatientOutput(reader.writeEnd, systemClock);
    for (let n = 0; n < 200; n += 1) output.write(numbered(n), INFO);
    const begunAt = systemClock.monotonic();
    output.flush(50);
    const tookMs = systemClock.monotonic() - begunAt;
    expect(tookMs).toBeGreaterThanOrEqual(50);
    expect(tookMs).toBeLessThan(500);
    let text = '';
    for (let turn = 0; turn < 10; turn += 1) {
      text += reader.read();
      output.flush(0);
    }
    expect(numbersIn(text)).toHaveLength(200);
  });
});
