import * as examples from './examples.ts';
import { describeLetterPaths } from './letter-paths.ts';
import { describePolicyPaths } from './policy-paths.ts';
import { detail, json } from './responses.ts';
import { describeRunPaths } from './run-paths.ts';
import type { PathItem } from './types.ts';

/** Every route of the API, as OpenAPI describes it. */
export function describePaths(): Record<string, PathItem> {
  return {
    '/api/v1/status': status(),
    '/api/v1/capabilities': capabilities(),
    ...describePolicyPaths(),
    ...describeRunPaths(),
    ...describeLetterPaths(),
    '/healthz': health(),
    '/readyz': readiness(),
    '/metrics': metrics(),
    '/openapi.json': page('This document', 'application/json'),
    '/docs': page('This document, to read', 'text/html'),
    '/redoc': {
      get: { summary: 'Another name of that page', responses: { 307: { description: 'See /docs' } } },
    },
  };
}

function status(): PathItem {
  return {
    get: {
      summary: 'Version, up time, and every policy with its latest runs',
      responses: json(200, 'The state of the daemon', 'Status', examples.status),
    },
  };
}

function capabilities(): PathItem {
  return {
    get: {
      summary: 'Packages that policies have named so far',
      responses: json(200, 'In no order', 'Capabilities', { loaded_modules: ['host'] }),
    },
  };
}

function health(): PathItem {
  return {
    get: {
      summary: 'Whether the process is alive',
      responses: json(200, 'It is', 'Health', { status: 'ok' }),
    },
  };
}

function readiness(): PathItem {
  return {
    get: {
      summary: 'Whether policies are accepted',
      responses: {
        ...json(200, 'They are, although something may be degraded', 'Readiness', {
          status: 'degraded',
          reasons: ['Diode is not reachable'],
        }),
        ...json(503, 'They are not', 'Readiness', {
          status: 'unable',
          reasons: ['what is accepted cannot be kept: no space left on the device'],
        }),
      },
    },
  };
}

function metrics(): PathItem {
  return {
    get: {
      summary: 'What Prometheus collects',
      responses: {
        200: {
          description: 'Prometheus text format, version 0.0.4',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
        ...detail(503, 'Not at the moment', 'the daemon is stopping'),
      },
    },
  };
}

function page(summary: string, mediaType: string): PathItem {
  return { get: { summary, responses: { 200: { description: 'The page', content: { [mediaType]: {} } } } } };
}
