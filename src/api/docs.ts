import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** The page holds all that it needs, and runs nothing. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'";

interface Docs {
  readonly document: string;
  readonly page: string;
}

/** `/openapi.json`, the page that shows it, and upstream's second page. Made when somebody first asks for one. */
export function serveDocs(app: FastifyInstance, { version }: ApiParts): void {
  let made: Promise<Docs> | undefined;
  const docs = (): Promise<Docs> => {
    made ??= makeDocs(version);
    return made;
  };
  app.get('/openapi.json', async (_request, reply) => {
    const { document } = await docs();
    return reply.type('application/json; charset=utf-8').send(document);
  });
  app.get('/docs', async (_request, reply) => {
    const { page } = await docs();
    return reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8').send(page);
  });
  app.get('/redoc', (_request, reply) => {
    reply.redirect('docs', 307);
  });
}

async function makeDocs(version: string): Promise<Docs> {
  const { openApiDocument } = await import('./openapi/document.ts');
  const { renderPage } = await import('./openapi/page.ts');
  const document = openApiDocument(version);
  return { document: JSON.stringify(document), page: renderPage(document) };
}
