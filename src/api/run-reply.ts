import type { FastifyReply } from 'fastify';
import type { KeptLines, RunHistory } from '../run/contract.ts';
import type { Run } from '../run/run.ts';
import type { FullRunReply, RunLogReply, RunReply } from './replies.ts';

/** A run as `GET /api/v1/runs` shows it. */
export function runReplyOf(run: Readonly<Run>): RunReply {
  const { backend, progress, usage, startedAt, finishedAt } = run;
  const isTimed = startedAt !== undefined && finishedAt !== undefined;
  return {
    id: run.id,
    policy: run.policy,
    status: run.status,
    reason: run.reason,
    trigger: run.trigger,
    retry_of: run.retryOf ?? null,
    retry_at: momentOf(run.retryAt),
    entity_count: run.entityCount,
    batches: run.batches,
    bytes: run.bytes,
    progress: progress ? { done: progress.done, total: progress.total ?? null } : null,
    process: usage
      ? { cpu_ms: usage.cpuMs, peak_memory_bytes: usage.peakBytes, shared: usage.isShared }
      : null,
    due_at: rfc3339(run.dueAt),
    created_at: rfc3339(run.createdAt),
    started_at: momentOf(startedAt),
    finished_at: momentOf(finishedAt),
    duration_ms: isTimed ? finishedAt - startedAt : null,
    backend: {
      package: backend.package,
      version: backend.version,
      name: backend.name,
      app_name: backend.appName,
      app_version: backend.appVersion,
    },
  };
}

/** Lines that a run shows with everything else; more are in its log. */
const LINES_SHOWN = 100;

/** A run in full, with the last lines of its backend. */
export async function fullRunReplyOf(run: Readonly<Run>, history: RunHistory): Promise<FullRunReply> {
  const { lines, dropped } = await history.log(run.id);
  const shown = lines.slice(-LINES_SHOWN);
  const log = { lines: shown, dropped: dropped + lines.length - shown.length };
  return { ...runReplyOf(run), log: runLogReplyOf(log) };
}

/** Lines of a run as they are shown. */
export function runLogReplyOf({ lines, dropped }: KeptLines): RunLogReply {
  const shown = lines.map(({ at, level, message }) => ({ time: rfc3339(at), level, message }));
  return { lines: shown, dropped };
}

/** 202 with a run that was started or is being ended, and where to look at it later. */
export async function sendAccepted(
  reply: FastifyReply,
  run: Readonly<Run>,
  history: RunHistory,
): Promise<FastifyReply> {
  const shown = await fullRunReplyOf(run, history);
  return reply.code(202).header('location', `/api/v1/runs/${run.id}`).send(shown);
}

/** RFC 3339 of epoch milliseconds; null for a moment that has not come. */
export function momentOf(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : rfc3339(epochMs);
}

function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
