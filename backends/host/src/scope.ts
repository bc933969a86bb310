import { z } from 'zod';

const patterns = z.array(z.string().min(1)).default([]);

const scopeFields = z.strictObject({
  /** Name of the device; the host's name when left out. */
  device: z.string().min(1).optional(),
  // NetBox knows no device without site and role; this is what discovery calls those it was not told.
  site: z.string().min(1).default('undefined'),
  role: z.string().min(1).default('undefined'),
  tags: z.array(z.string().min(1)).default([]),
  interfaces: z.strictObject({ include: patterns, exclude: patterns }).prefault({}),
});

/** What a policy's `scope` may say; `null` and `{}` stand for the whole machine. */
export const scopeSchema = z.preprocess((scope) => scope ?? {}, scopeFields);

export type Scope = z.output<typeof scopeFields>;
