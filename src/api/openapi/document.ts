import { componentSchemas } from './components.ts';
import { security, securitySchemes, withLocks } from './locks.ts';
import { describePaths } from './paths.ts';
import type { OpenApi } from './types.ts';

/** The OpenAPI 3.1 document of the API. */
export function openApiDocument(version: string): OpenApi {
  return {
    openapi: '3.1.0',
    info: {
      title: 'orb-worker',
      version,
      description:
        'Policies in, entities out. Every error is {detail}. A path with a slash too many is sent on with 307; a method that a path does not know gets 405, with the others in allow. A daemon that was started with tokens or client certificates answers 401 to whoever shows neither.',
    },
    security,
    paths: withLocks(describePaths()),
    components: { schemas: componentSchemas(), securitySchemes },
  };
}
