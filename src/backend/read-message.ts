import { z } from 'zod';
import { FrameError } from './frames.ts';
import { type FromChild, LONGEST_TEXT, LONGEST_TRACES, MOST_FINDINGS, MOST_RUNS } from './messages.ts';

/** A text that was cut may say so. */
const text = z.string().max(LONGEST_TEXT + 100);
const number = z.uint32();
const run = number;
const culprit = z.union([number, z.null()]);
const nonEmpty = text.min(1);

/** Looked at here: a schema of the library for each number takes as long as all that the daemon does with the run. */
const runs = z.custom<readonly number[]>(areRuns);

const finding = z.strictObject({
  part: z.enum(['config', 'scope']),
  path: z.array(z.union([text, z.number()])).max(100),
  type: text,
  message: text,
});

const description = z.strictObject({
  name: nonEmpty,
  app_name: nonEmpty,
  app_version: nonEmpty,
  description: text.exactOptional(),
});

const message: z.ZodType<FromChild> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('entered'), runs }),
  z.strictObject({ type: z.literal('returned'), runs }),
  z.strictObject({ type: z.literal('failed'), run, reason: text }),
  z.strictObject({ type: z.literal('cancelled'), run }),
  z.strictObject({ type: z.literal('turned'), runs: number.min(1) }),
  z.strictObject({ type: z.literal('offer'), run, bytes: number }),
  z.strictObject({
    type: z.literal('progress'),
    run,
    done: z.number(),
    total: z.union([z.number(), z.null()]),
  }),
  z.strictObject({
    type: z.literal('log'),
    run,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: text,
  }),
  z.strictObject({ type: z.literal('asked'), id: number }),
  z.strictObject({ type: z.literal('loaded'), id: number }),
  z.strictObject({ type: z.literal('unusable'), id: number, reason: text, detail: text }),
  z.strictObject({ type: z.literal('described'), id: number, description, isResident: z.boolean() }),
  z.strictObject({ type: z.literal('checked'), id: number, findings: z.array(finding).max(MOST_FINDINGS) }),
  z.strictObject({ type: z.literal('declined'), id: number, reason: text, thrown: z.boolean() }),
  z.strictObject({ type: z.literal('ingest'), run, id: number }),
  z.strictObject({ type: z.literal('failure'), run, reason: text }),
  z.strictObject({ type: z.literal('up'), life: number }),
  z.strictObject({ type: z.literal('down'), life: number, reason: z.union([text, z.null()]) }),
  z.strictObject({ type: z.literal('leaving'), run: culprit }),
  z.strictObject({ type: z.literal('pong') }),
  z.strictObject({ type: z.literal('spoilt'), by: z.string().max(LONGEST_TRACES) }),
  z.strictObject({ type: z.literal('threw'), run: culprit, message: text }),
]);

/** Reads what a child said, trusting nothing; throws {@link FrameError} when it is no message. */
export function readMessage(body: Buffer): FromChild {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw new FrameError('a message that is not JSON');
  }
  const result = message.safeParse(value);
  if (!result.success) throw new FrameError('a message of no known form');
  return result.data;
}

function areRuns(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_RUNS) return false;
  return value.every((one: unknown) => Number.isInteger(one) && Number(one) >= 0 && Number(one) < 2 ** 32);
}
