import { type SchemaName, schemaRef } from './components.ts';
import type { Responses } from './types.ts';

/** A JSON reply of one of the named shapes. */
export function json(
  statusCode: number,
  description: string,
  schema: SchemaName,
  example: unknown,
): Responses {
  return {
    [statusCode]: { description, content: { 'application/json': { schema: schemaRef(schema), example } } },
  };
}

/** A reply of one sentence. */
export function detail(statusCode: number, description: string, sentence: string): Responses {
  return json(statusCode, description, 'Detail', { detail: sentence });
}

/** Of routes that a browser would call for a page of another site without asking first. */
export const otherSite = detail(
  403,
  'Sent by a page of another site',
  'a page of another site may not ask for this',
);

/** Of routes that answer with pages. */
export const badLimit = detail(
  400,
  'A parameter is wrong',
  "query parameter 'limit': expected a whole number from 1 to 1000",
);

/** Of routes that accept something: the daemon stops, or cannot keep it. */
export const unavailable = detail(503, 'Not at the moment', 'the daemon is stopping');
