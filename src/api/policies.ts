import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BadRequestError, NotFoundError, ValidationError } from '../errors.ts';
import type { Replacement } from '../policy/contract.ts';
import type { Run } from '../run/run.ts';
import type { ApiParts } from './api-parts.ts';
import { ignoreBody, requireYaml } from './content.ts';
import { policyReplyOf, summaryOf, validatedReplyOf } from './policy-reply.ts';
import { provenanceOf } from './provenance.ts';
import { pythonList } from './python-text.ts';
import { queries } from './queries.ts';
import type { CapabilitiesReply, DetailReply, PolicyListReply, ValidationReply } from './replies.ts';
import { sendAccepted } from './run-reply.ts';
import { refuseOtherSites } from './same-origin.ts';

interface ByName {
  readonly Params: { readonly name: string };
}

/** Upstream's routes for policies and capabilities, and ours. */
export function servePolicies(
  app: FastifyInstance,
  { registry, history, cancelRun, events }: ApiParts,
): void {
  /** Whoever sent a document may be a program that shows its reply to nobody. */
  const told = async <Outcome>(applying: Promise<Outcome>): Promise<Outcome> => {
    try {
      return await applying;
    } catch (error) {
      const isOfDocument = error instanceof BadRequestError || error instanceof ValidationError;
      if (isOfDocument) events.emit('policy:refused', { reason: error.explanation });
      throw error;
    }
  };

  /** Nobody is promised a run that could be forgotten. */
  const keep = async (run: Readonly<Run>): Promise<void> => {
    try {
      await history.keep(run);
    } catch (error) {
      cancelRun(run.id, 'it could not be kept');
      throw error;
    }
  };

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
    const names = await told(registry.apply(documentIn(request), provenanceOf(request)));
    return reply.code(201).send({ detail: startedText(names) } satisfies DetailReply);
  });

  app.post('/api/v1/policies/validate', { onRequest: requireYaml }, async (request, reply) => {
    const policies = await registry.validate(documentIn(request), provenanceOf(request));
    return reply.send({ policies: policies.map(validatedReplyOf) } satisfies ValidationReply);
  });

  app.get<ByName>('/api/v1/policies/:name', ({ params }, reply) => {
    const view = registry.get(params.name);
    if (view === undefined) throw new NotFoundError(`policy '${params.name}' not found`);
    reply.send(policyReplyOf(view, history));
  });

  app.put<ByName>('/api/v1/policies/:name', { onRequest: requireYaml }, async (request, reply) => {
    const { name } = request.params;
    const { readPutQuery } = await queries();
    const { cancel: cancelRuns } = readPutQuery(request.query);
    const provenance = provenanceOf(request);
    const outcome = await told(registry.replace(name, documentIn(request), { provenance, cancelRuns }));
    const detail = `policy '${name}' ${OUTCOMES[outcome]}`;
    return reply.code(outcome === 'created' ? 201 : 200).send({ detail } satisfies DetailReply);
  });

  app.delete<ByName>('/api/v1/policies/:name', async ({ params }, reply) => {
    await registry.delete(params.name);
    return reply.send({ detail: `policy '${params.name}' was deleted` } satisfies DetailReply);
  });

  app.post<ByName>(
    '/api/v1/policies/:name/runs',
    { onRequest: [refuseOtherSites, ignoreBody] },
    async ({ params }, reply) => {
      const run = registry.submit(params.name);
      await keep(run);
      return await sendAccepted(reply, run, history);
    },
  );
}

/** What is said of a policy after a PUT. */
const OUTCOMES: Record<Replacement, string> = {
  created: 'was started',
  replaced: 'was replaced',
  unchanged: 'is unchanged',
};

function documentIn({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** Upstream quotes a single name plainly, and several as Python shows a list. */
function startedText(names: readonly string[]): string {
  const [name] = names;
  return names.length === 1 ? `policy '${name}' was started` : `policies ${pythonList(names)} were started`;
}
