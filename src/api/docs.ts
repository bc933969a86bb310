import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ApiParts } from './api-parts.ts';

/** Only what comes with the daemon, so that the page works where no internet is. */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/** Addresses are relative: the page may be seen under a prefix. */
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>orb-worker API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

const startScript = `SwaggerUIBundle({ url: 'openapi.json', dom_id: '#reference', validatorUrl: null });\n`;

const libraryFiles: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

/** `/openapi.json` and the page that shows it. Both are made, or read, when somebody asks for them. */
export function serveDocs(app: FastifyInstance, { version }: ApiParts): void {
  let document: Promise<string> | undefined;
  app.get('/openapi.json', async (_request, reply) => {
    document ??= import('./openapi/document.ts').then(({ openApiDocument }) => openApiDocument(version));
    return reply.type('application/json; charset=utf-8').send(await document);
  });

  app.get('/docs', (_request, reply) => {
    reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8').send(page);
  });
  app.get('/docs/start.js', (_request, reply) => {
    reply.type('text/javascript; charset=utf-8').send(startScript);
  });
  for (const [file, type] of Object.entries(libraryFiles)) {
    app.get(`/docs/${file}`, (_request, reply) => sendLibraryFile(reply, file, type));
  }

  app.get('/redoc', (_request, reply) => {
    reply.redirect('docs', 307);
  });
}

function sendLibraryFile(reply: FastifyReply, file: string, type: string): FastifyReply {
  const path = fileURLToPath(import.meta.resolve(`@fastify/swagger-ui/static/${file}`));
  return reply.type(type).header('cache-control', 'max-age=86400').send(createReadStream(path));
}
