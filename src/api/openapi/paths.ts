import { z } from 'zod';
import { runQuery } from '../run-query.ts';
import * as examples from './examples.ts';
import { detail, json } from './responses.ts';
import type { Operation, Parameter, PathItem } from './types.ts';

/** Every route of the API, as OpenAPI describes it. */
export function describePaths(): Record<string, PathItem> {
  return {
    '/api/v1/status': status(),
    '/api/v1/capabilities': capabilities(),
    '/api/v1/policies': { get: listPolicies(), post: applyPolicies() },
    '/api/v1/policies/{name}': {
      parameters: [pathParameter('name', 'The name as it was written, percent-encoded as UTF-8.')],
      get: showPolicy(),
      delete: deletePolicy(),
    },
    '/api/v1/runs': listRuns(),
    '/api/v1/runs/{id}': showRun(),
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

function listPolicies(): Operation {
  return {
    summary: 'All policies',
    responses: json(200, 'In the order they were applied', 'PolicyList', {
      policies: [examples.policySummary],
    }),
  };
}

function applyPolicies(): Operation {
  const yaml = { schema: { type: 'string' }, example: examples.document };
  return {
    summary: 'Applies every policy of a YAML document, or none',
    requestBody: {
      required: true,
      description: 'Up to 16 MiB, uncompressed.',
      content: { 'application/x-yaml': yaml, 'application/yaml': yaml },
    },
    responses: {
      ...detail(201, 'All were applied', "policies ['edge', 'core'] were started"),
      ...detail(400, 'Not to be read, or a package not to be used', 'Invalid YAML format'),
      ...json(403, 'Every finding at once', 'ValidationErrors', examples.validationErrors),
      ...detail(409, 'A name is taken', "policy 'edge' already exists"),
      ...detail(413, 'Too large', 'the body is larger than 16 MiB'),
      ...detail(415, 'Compressed', "a body in 'gzip' coding is not read: send it uncompressed"),
      ...detail(503, 'Not at the moment', 'the daemon is stopping'),
    },
  };
}

function showPolicy(): Operation {
  return {
    summary: 'One policy, as it was applied',
    responses: {
      ...json(200, 'The policy', 'Policy', examples.policy),
      ...detail(404, 'No such policy', "policy 'edge' not found"),
    },
  };
}

function deletePolicy(): Operation {
  return {
    summary: 'Deletes a policy and cancels its runs',
    responses: {
      ...detail(200, 'It is gone', "policy 'edge' was deleted"),
      ...detail(404, 'No such policy', "policy 'edge' not found"),
    },
  };
}

function listRuns(): PathItem {
  return {
    get: {
      summary: 'Runs, a page at a time',
      parameters: queryParameters(),
      responses: {
        ...json(200, 'Newest first', 'RunList', { runs: [examples.run], next_cursor: null }),
        ...detail(
          400,
          'A parameter is wrong',
          "query parameter 'limit': expected a whole number from 1 to 1000",
        ),
      },
    },
  };
}

function showRun(): PathItem {
  return {
    parameters: [pathParameter('id', 'As the list of runs and the status give it.')],
    get: {
      summary: 'One run',
      responses: {
        ...json(200, 'The run', 'Run', examples.run),
        ...detail(404, 'No such run', `run '${examples.run.id}' not found`),
      },
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
          status: 'stopping',
          reasons: ['the daemon is stopping'],
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

function pathParameter(name: string, description: string): Parameter {
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

/** As {@link runQuery} reads them, each key optional. */
function queryParameters(): Parameter[] {
  const { properties = {} } = z.toJSONSchema(runQuery);
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = typeof schema === 'object' ? schema : {};
    return { name, in: 'query', required: false, description, schema: rest };
  });
}
