import { z } from 'zod';
import {
  deadLetterListReply,
  deadLetterReply,
  droppedAllReply,
  openedLetterReply,
  retriedAllReply,
  retriedReply,
  traceReply,
} from '../delivery-replies.ts';
import {
  capabilitiesReply,
  detailReply,
  findingsReply,
  fullRunReply,
  healthReply,
  policyListReply,
  policyReply,
  readinessReply,
  runListReply,
  runLogReply,
  runReply,
  statusReply,
  validationReply,
} from '../replies.ts';

const named = {
  Capabilities: capabilitiesReply,
  DeadLetter: deadLetterReply,
  DeadLetterList: deadLetterListReply,
  Detail: detailReply,
  DroppedAll: droppedAllReply,
  Health: healthReply,
  Policy: policyReply,
  PolicyList: policyListReply,
  Readiness: readinessReply,
  OpenedLetter: openedLetterReply,
  Retried: retriedReply,
  RetriedAll: retriedAllReply,
  FullRun: fullRunReply,
  Run: runReply,
  RunList: runListReply,
  RunLog: runLogReply,
  Status: statusReply,
  Trace: traceReply,
  Validation: validationReply,
  ValidationErrors: findingsReply,
};

export type SchemaName = keyof typeof named;

/** The replies' JSON schemas, by the names that {@link schemaRef} points at. */
export function componentSchemas(): Record<string, object> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    uri: refOf,
    override: ({ jsonSchema }) => keepOpen(jsonSchema),
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => [id, schema]));
}

/** Points at one of {@link componentSchemas}. */
export function schemaRef(name: SchemaName): { $ref: string } {
  return { $ref: refOf(name) };
}

function refOf(name: string): string {
  return `#/components/schemas/${name}`;
}

/** Replies may get more fields one day; bounds and patterns that say no more than the type help nobody. */
function keepOpen(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.additionalProperties === false) delete schema.additionalProperties;
  if (schema.format !== undefined) delete schema.pattern;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
}
