import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { madeLate } from '../load-late.ts';
import type { ApiParts } from './api-parts.ts';

interface Docs {
  readonly document: string;
  readonly page: string;
  /** The page's Content-Security-Policy. */
  readonly policy: string;
}

/** `/openapi.json`, the page that shows it, and upstream's second page. Made when somebody first asks for one. */
export function serveDocs(app: FastifyInstance, { version }: ApiParts): void {
  const docs = madeLate(() => makeDocs(version));
  app.get('/openapi.json', async (_request, reply) => {
    const { document } = await docs();
    return reply.type('application/json; charset=utf-8').send(document);
  });
  app.get('/docs', async (_request, reply) => {
    const { page, policy } = await docs();
    return reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page);
  });
  app.get('/redoc', (_request, reply) => {
    reply.redirect('docs', 307);
  });
}

async function makeDocs(version: string): Promise<Docs> {
  const { openApiDocument } = await import('./openapi/document.ts');
  const { renderPage } = await import('./page/render-page.ts');
  const [style, script] = await Promise.all([readPart('style.css'), readPart('try-it.js')]);
  const document = openApiDocument(version);
  return {
    document: JSON.stringify(document),
    page: renderPage(document, { style, script }),
    policy: pagePolicy(style, script),
  };
}

function readPart(file: string): Promise<string> {
  return readFile(new URL(`./page/${file}`, import.meta.url), 'utf8');
}

/** The page's own style and script and no others; it talks to this daemon alone, and to nobody's frame. */
function pagePolicy(style: string, script: string): string {
  return [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
