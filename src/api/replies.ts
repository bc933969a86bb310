import { z } from 'zod';
import { RUN_TRIGGERS } from '../run/run.ts';
import { runStatus } from './run-query.ts';

/*
 * The replies that are ours, said once: types for those who write them, schemas for /openapi.json. Imported for
 * the types alone by whatever runs before somebody asks for that document.
 */

const moment = z.iso.datetime().describe('RFC 3339, UTC.');

/** More than a double holds exactly. */
const nanoseconds = z
  .number()
  .meta({ type: 'integer', format: 'int64', description: 'Nanoseconds since the epoch.' });

const policyStatus = z
  .enum(['unknown', 'running', 'completed', 'failed'])
  .describe(
    'Of the latest run; `running` if any runs, `unknown` before the first, `failed` where it cannot work.',
  );

export const detailReply = z.object({ detail: z.string() });

export const findingsReply = z.object({
  detail: z.array(
    z.object({
      field: z.string().describe('Where, with dots: `policies.NAME.config.package`.'),
      type: z.string(),
      error: z.string(),
      line: z.int().optional().describe('Where it is written; told by `validate`.'),
      column: z.int().optional(),
    }),
  ),
});

export const capabilitiesReply = z.object({
  loaded_modules: z.array(z.string()).describe('Packages of the policies applied so far, deleted ones too.'),
});

export const runReply = z.object({
  id: z.uuid(),
  policy: z.string(),
  status: runStatus.describe('`delivering`: its backend has ended, batches wait to be acknowledged.'),
  reason: z.string().describe('Why it failed, was cancelled, lost or skipped; else empty.'),
  trigger: z
    .enum(RUN_TRIGGERS)
    .describe('`submit`: somebody asked for it; `ingest`: its backend began it, beside its schedule.'),
  retry_of: z.uuid().nullable().describe('The run that this one stands in for.'),
  retry_at: moment
    .nullable()
    .describe(
      'When it is run again, or was: it ended for a passing reason, and its policy has retries left.',
    ),
  entity_count: z.int().describe('Acknowledged entities.'),
  batches: z.int(),
  bytes: z.int(),
  progress: z
    .object({ done: z.number(), total: z.number().nullable() })
    .nullable()
    .describe('As its backend reports it.'),
  process: z
    .object({
      cpu_ms: z.int().describe('While the run was in it, to a hundredth of a second.'),
      peak_memory_bytes: z.int().describe('The most resident memory that it had at once, since it began.'),
      shared: z
        .boolean()
        .describe('Whether other runs were in it meanwhile: the figures are of all together.'),
    })
    .nullable()
    .describe('The process of its backend; null until that has ended, and where the system does not tell.'),
  due_at: moment,
  created_at: moment,
  started_at: moment.nullable(),
  finished_at: moment.nullable(),
  duration_ms: z.int().nullable().describe('From its start to its end, delivery included.'),
  backend: z.object({
    package: z.string(),
    version: z.string(),
    name: z.string(),
    app_name: z.string(),
    app_version: z.string(),
  }),
});

const runLine = z.object({
  time: moment,
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: z.string(),
});

/** The same shape for the last lines, in a run alone, and for all that were kept. */
export const runLogReply = z.object({
  lines: z.array(runLine).describe('What its backend wrote, the latest last.'),
  dropped: z.int().describe('Lines before these that are not shown.'),
});

export const fullRunReply = runReply.extend({ log: runLogReply.describe('The last lines.') });

export const runListReply = z.object({
  runs: z.array(runReply).describe('Newest first.'),
  next_cursor: z.string().nullable().describe('Give it as `cursor` for the next page; null on the last.'),
});

const backendVersion = z.object({ package: z.string(), version: z.string() });

const crashWait = { until: moment, reason: z.string() };

const policySummary = z.object({
  name: z.string(),
  status: policyStatus,
  next_run_at: moment.nullable(),
  backend: backendVersion,
  crash_wait: z
    .object(crashWait)
    .nullable()
    .describe('No run of its package begins before then, because that crashed its process too often.'),
  failure: z
    .string()
    .nullable()
    .describe('Why a policy that was kept over a restart does not run; it is tried again.'),
  setup_fault: z
    .object({ reason: z.string(), retry_at: moment })
    .nullable()
    .describe('Why its backend could not set it up, and when it tries again.'),
  last_run: runReply.nullable(),
});

const warning = z.object({
  field: z.string(),
  line: z.int().nullable(),
  column: z.int().nullable(),
  message: z.string(),
});

const warnings = z
  .array(warning)
  .describe('What is legal and yet surprises, and how to write what was perhaps meant.');

export const policyListReply = z.object({ policies: z.array(policySummary) });

export const policyReply = policySummary.extend({
  config: z.unknown().describe('As applied, `${NAME}` not expanded.'),
  scope: z.unknown(),
  run: z.unknown().describe('Settings of its runs, as applied.'),
  timezone: z.string().describe('IANA zone of its schedule.'),
  warnings,
});

export const validationReply = z.object({
  policies: z.array(
    z.object({
      name: z.string(),
      backend: backendVersion,
      next_run_at: moment.nullable().describe('When its schedule would start the first run.'),
      warnings,
    }),
  ),
});

export const healthReply = z.object({ status: z.literal('ok') });

export const readinessReply = z.object({
  status: z
    .enum(['ok', 'degraded', 'unable', 'starting', 'stopping'])
    .describe('`unable`: what is accepted cannot be kept.'),
  reasons: z.array(z.string()),
});

const delivery = z.object({
  waiting_batches: z.int().describe('Batches still to be acknowledged.'),
  waiting_bytes: z.int(),
  waiting_entities: z.int(),
  oldest_age_seconds: z.number().nullable().describe('How long one has waited at most.'),
  last_error: z
    .object({ time: moment, message: z.string() })
    .nullable()
    .describe('The last words against a batch that still waits.'),
  next_try_at: moment.nullable().describe('When the first that was not acknowledged is sent again.'),
  misfit_batches: z
    .int()
    .describe('Of those that wait, written for another kind of receiver than the daemon sends to now.'),
  dead_letters: z.int(),
});

const state = z.object({
  ok: z.boolean().describe('Whether what is accepted can be kept.'),
  reason: z.string().describe('Why not.'),
  bytes: z.int().describe('Of the files in the data directory.'),
});

/** Upstream's shape; written as text by hand, because its times pass 2^53. */
export const statusReply = z.object({
  version: z.string(),
  start_time: moment,
  up_time_seconds: z.int(),
  policies: z.array(
    z.object({
      name: z.string(),
      status: policyStatus,
      reason: z
        .string()
        .optional()
        .describe('Why it is `failed` whatever its runs say; there only when it is.'),
      backend: z.object({ package: z.string(), version: z.string() }).optional(),
      runs: z
        .array(
          z.object({
            id: z.uuid(),
            status: z.enum(['running', 'completed', 'failed']),
            reason: z.string(),
            entity_count: z.int(),
            created_at: nanoseconds,
            updated_at: nanoseconds,
            metadata: z.record(z.string(), z.string()),
          }),
        )
        .describe('The latest five, newest first, without those that were skipped.'),
    }),
  ),
  crash_waits: z
    .array(z.object({ package: z.string(), ...crashWait }))
    .optional()
    .describe('Packages of which no run begins before then; there only when there are any.'),
  delivery: delivery
    .optional()
    .describe('There with `--data-dir`, and without it while something waits or there are dead letters.'),
  state: state.optional().describe('There with `--data-dir`.'),
});

export type DetailReply = z.infer<typeof detailReply>;
export type CapabilitiesReply = z.infer<typeof capabilitiesReply>;
export type PolicyListReply = z.infer<typeof policyListReply>;
export type RunReply = z.infer<typeof runReply>;
export type FullRunReply = z.infer<typeof fullRunReply>;
export type RunLogReply = z.infer<typeof runLogReply>;
export type RunListReply = z.infer<typeof runListReply>;
export type PolicySummary = z.infer<typeof policySummary>;
export type ValidationReply = z.infer<typeof validationReply>;
export type WarningReply = z.infer<typeof warning>;
export type PolicyReply = z.infer<typeof policyReply>;
export type CrashWaitReply = NonNullable<PolicySummary['crash_wait']>;
export type DeliveryReply = z.infer<typeof delivery>;
export type StatusReply = z.infer<typeof statusReply>;
export type ReadinessReply = z.infer<typeof readinessReply>;
