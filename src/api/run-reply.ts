import type { FastifyReply } from 'fastify';
import type { Run } from '../run/run.ts';
import type { RunReply } from './replies.ts';

/** A run as `GET /api/v1/runs` shows it. */
export function runReplyOf(run: Readonly<Run>): RunReply {
  const { backend, progress, startedAt, finishedAt } = run;
  const isTimed = startedAt !== undefined && finishedAt !== undefined;
  return {
    id: run.id,
    policy: run.policy,
    status: run.status,
    reason: run.reason,
    trigger: run.trigger,
    retry_of: run.retryOf ?? null,
    entity_count: run.entityCount,
    batches: run.batches,
    bytes: run.bytes,
    progress: progress ? { done: progress.done, total: progress.total ?? null } : null,
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

/** 202 with a run that was started or is being ended, and where to look at it later. */
export function sendStarted(reply: FastifyReply, run: Readonly<Run>): void {
  reply
    .code(202)
    .header('location', `/api/v1/runs/${run.id}`)
    .send(runReplyOf(run) satisfies RunReply);
}

/** RFC 3339 of epoch milliseconds; null for a moment that has not come. */
export function momentOf(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : rfc3339(epochMs);
}

function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
