import { putQuery } from '../put-query.ts';
import * as examples from './examples.ts';
import { pathParameter, queryParameters } from './parameters.ts';
import { detail, json, otherSite, unavailable } from './responses.ts';
import type { Body, Operation, PathItem } from './types.ts';

/** The routes about policies. */
export function describePolicyPaths(): Record<string, PathItem> {
  return {
    '/api/v1/policies': { get: listPolicies(), post: applyPolicies() },
    '/api/v1/policies/validate': { post: validatePolicies() },
    '/api/v1/policies/{name}': {
      parameters: byName,
      get: showPolicy(),
      put: putPolicy(),
      delete: deletePolicy(),
    },
    '/api/v1/policies/{name}/runs': runPolicy(),
  };
}

const byName = [pathParameter('name', 'The name as it was written, percent-encoded as UTF-8.')];

const noSuchPolicy = detail(404, 'No such policy', "policy 'edge' not found");

/** What every document may be refused with. */
const refusals = {
  ...detail(400, 'Not to be read, or a package not to be used', 'Invalid YAML format'),
  ...json(403, 'Every finding at once', 'ValidationErrors', examples.validationErrors),
  ...detail(413, 'Too large', 'the body is larger than 16 MiB'),
  ...detail(415, 'Compressed', "a body in 'gzip' coding is not read: send it uncompressed"),
  ...unavailable,
};

function bodyOf(example: string): Body & { readonly required: true } {
  const yaml = { schema: { type: 'string' }, example };
  return {
    required: true,
    description: 'YAML or JSON of up to 16 MiB, uncompressed',
    content: { 'application/x-yaml': yaml, 'application/yaml': yaml },
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
  return {
    summary: 'Applies every policy of a YAML document, or none',
    requestBody: bodyOf(examples.document),
    responses: {
      ...detail(201, 'All were applied', "policies ['edge', 'core'] were started"),
      ...refusals,
      ...detail(409, 'A name is taken', "policy 'edge' already exists"),
    },
  };
}

function validatePolicies(): Operation {
  return {
    summary: 'Looks at a document as if it were applied, and starts nothing',
    requestBody: bodyOf(examples.document),
    responses: {
      ...json(200, 'It may be applied; the warnings say what surprises', 'Validation', examples.validation),
      ...refusals,
      ...json(403, 'Every finding at once, with its place', 'ValidationErrors', examples.locatedErrors),
    },
  };
}

function putPolicy(): Operation {
  return {
    summary:
      'Applies one policy, in the place of the one of this name; the same policy again changes nothing',
    parameters: queryParameters(putQuery),
    requestBody: bodyOf(examples.onePolicy),
    responses: {
      ...detail(200, 'It took the place of another, or stood there already', "policy 'edge' was replaced"),
      ...detail(201, 'It is new', "policy 'edge' was started"),
      ...refusals,
    },
  };
}

function runPolicy(): PathItem {
  return {
    parameters: byName,
    post: {
      summary: 'Runs a policy now, whatever its schedule',
      responses: {
        ...json(202, 'The run, also under `location`', 'FullRun', examples.submittedRun),
        ...otherSite,
        ...noSuchPolicy,
        ...detail(409, 'Its overlap forbids it', examples.overlap),
        ...unavailable,
      },
    },
  };
}

function showPolicy(): Operation {
  return {
    summary: 'One policy, as it was applied',
    responses: {
      ...json(200, 'The policy', 'Policy', examples.policy),
      ...noSuchPolicy,
    },
  };
}

function deletePolicy(): Operation {
  return {
    summary: 'Deletes a policy and cancels its runs',
    responses: {
      ...detail(200, 'It is gone', "policy 'edge' was deleted"),
      ...noSuchPolicy,
    },
  };
}
