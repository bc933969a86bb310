import { componentSchemas } from './components.ts';
import { describePaths } from './paths.ts';

/** The OpenAPI 3.1 document of the API, as JSON. */
export function openApiDocument(version: string): string {
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'orb-worker',
      version,
      description:
        'Policies in, entities out. Every error is `{detail}`. A path with a slash too many is redirected with 307; a method that a path does not know gets 405 and `allow`.',
    },
    paths: describePaths(),
    components: { schemas: componentSchemas() },
  });
}
