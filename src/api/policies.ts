import type { FastifyInstance } from 'fastify';
import { NotFoundError } from '../errors.ts';
import type { PolicyView, PolicyWarning } from '../policy/contract.ts';
import type { RunHistory } from '../run/contract.ts';
import type { ApiParts } from './api-parts.ts';
import { requireYaml } from './content.ts';
import { provenanceOf } from './provenance.ts';
import { pythonList } from './python-text.ts';
import type {
  CapabilitiesReply,
  DetailReply,
  PolicyListReply,
  PolicyReply,
  PolicySummary,
} from './replies.ts';
import { momentOf, runReplyOf } from './run-reply.ts';
import { RUNS_SHOWN, shownPolicyStatus } from './shown-status.ts';

/** Upstream's routes for policies and capabilities, and ours to look at policies. */
export function servePolicies(app: FastifyInstance, { registry, history }: ApiParts): void {
  app.get('/api/v1/capabilities', (_request, reply) => {
    reply.send({ loaded_modules: [...registry.loadedPackages()] } satisfies CapabilitiesReply);
  });

  app.get('/api/v1/policies', (_request, reply) => {
    const views = Array.from(registry.names(), (name) => registry.get(name)).filter(
      (view) => view !== undefined,
    );
    reply.send({ policies: views.map((view) => summaryOf(view, history)) } satisfies PolicyListReply);
  });

  app.post('/api/v1/policies', { onRequest: requireYaml }, async (request, reply) => {
    const document = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const names = await registry.apply(document, provenanceOf(request));
    return reply.code(201).send({ detail: startedText(names) } satisfies DetailReply);
  });

  app.get<{ Params: { name: string } }>('/api/v1/policies/:name', ({ params }, reply) => {
    const view = registry.get(params.name);
    if (view === undefined) throw new NotFoundError(`policy '${params.name}' not found`);
    reply.send(policyReplyOf(view, history));
  });

  app.delete<{ Params: { name: string } }>('/api/v1/policies/:name', async ({ params }, reply) => {
    await registry.delete(params.name);
    return reply.send({ detail: `policy '${params.name}' was deleted` } satisfies DetailReply);
  });
}

/** Upstream quotes a single name plainly, and several as Python shows a list. */
function startedText(names: readonly string[]): string {
  const [name] = names;
  return names.length === 1 ? `policy '${name}' was started` : `policies ${pythonList(names)} were started`;
}

function summaryOf(view: PolicyView, history: RunHistory): PolicySummary {
  const latest = history.latest(view.name, RUNS_SHOWN);
  const [newest] = latest;
  return {
    name: view.name,
    status: shownPolicyStatus(latest),
    next_run_at: momentOf(view.nextRunAt),
    backend: { package: view.backend.package, version: view.backend.version },
    last_run: newest ? runReplyOf(newest) : null,
  };
}

function policyReplyOf(view: PolicyView, history: RunHistory): PolicyReply {
  return {
    ...summaryOf(view, history),
    config: view.config,
    scope: view.scope,
    run: view.run,
    timezone: view.timezone,
    warnings: view.warnings.map(warningReplyOf),
  };
}

function warningReplyOf({ field, line, column, message }: PolicyWarning): PolicyReply['warnings'][number] {
  return { field, line: line ?? null, column: column ?? null, message };
}
