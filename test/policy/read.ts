import { deserialize } from 'node:v8';
import { RequestError, ValidationError } from '../../src/errors.ts';
import type { PolicyDraft } from '../../src/policy/contract.ts';
import { readPolicyDocument } from '../../src/policy/read-document.ts';
import { atOnce } from '../../src/policy/steps.ts';

type ReadOptions = Parameters<typeof readPolicyDocument>[1];

/** Reads as a document from loopback, in Berlin, with no variables set. */
export function read(body: string | Buffer, options: Partial<ReadOptions> = {}): readonly PolicyDraft[] {
  const document = typeof body === 'string' ? Buffer.from(body) : body;
  return atOnce(
    readPolicyDocument(document, {
      provenance: 'loopback',
      env: {},
      allowEnv: [],
      hostTimezone: 'Europe/Berlin',
      ...options,
    }),
  );
}

/** The only policy of a document. */
export function readOne(body: string | Buffer, options: Partial<ReadOptions> = {}): PolicyDraft {
  const [draft, ...more] = read(body, options);
  if (!draft || more.length > 0) throw new Error(`a document of ${more.length + 1} policies`);
  return draft;
}

/** What the backend gets. */
export function payloadOf(draft: PolicyDraft): { config: Record<string, unknown>; scope: unknown } {
  return deserialize(draft.payload) as { config: Record<string, unknown>; scope: unknown };
}

/** The scope of a policy as its backend gets it, from the scope's YAML in one line. */
export function scopeOf(scope: string, options: Partial<ReadOptions> = {}): unknown {
  return payloadOf(readOne(policyWith({ scope }), options)).scope;
}

/** A document of one good policy `p`, parts of it replaced; each part is YAML in one line. */
export function policyWith(parts: { config?: string; scope?: string; more?: string } = {}): string {
  const { config = '{package: pkg}', scope = '{}', more = '' } = parts;
  return `policies: {p: {config: ${config}, scope: ${scope}${more}}}`;
}

/** What a document that is refused is refused with. */
export function refusalOf(body: string | Buffer, options: Partial<ReadOptions> = {}): RequestError {
  try {
    read(body, options);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('the document was accepted');
}

/** The rows of a 403, each as `[field, type, error]`. */
export function rowsOf(body: string | Buffer, options: Partial<ReadOptions> = {}): readonly string[][] {
  const refusal = refusalOf(body, options);
  if (!(refusal instanceof ValidationError)) throw new Error(`${refusal.statusCode} ${refusal.message}`);
  return refusal.rows.map(({ field, type, error }) => [field, type, error]);
}

/** The warnings of a document's first policy, each as `field line:column message`. */
export function warningsOf(body: string, options: Partial<ReadOptions> = {}): readonly string[] {
  const [draft] = read(body, options);
  return (draft?.warnings ?? []).map(
    ({ field, line, column, message }) => `${field} ${line}:${column} ${message}`,
  );
}
