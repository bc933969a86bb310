import { traceQuery } from '../letter-query.ts';
import { runQuery } from '../run-query.ts';
import * as examples from './examples.ts';
import * as letterExamples from './letter-examples.ts';
import { pathParameter, queryParameters } from './parameters.ts';
import { badLimit, detail, json, otherSite } from './responses.ts';
import type { PathItem } from './types.ts';

/** The routes about runs. */
export function describeRunPaths(): Record<string, PathItem> {
  return {
    '/api/v1/runs': listRuns(),
    '/api/v1/runs/{id}': showRun(),
    '/api/v1/runs/{id}/log': showLog(),
    '/api/v1/runs/{id}/trace': traceRun(),
    '/api/v1/runs/{id}/cancel': cancelRun(),
  };
}

const byId = [pathParameter('id', 'As the list of runs and the status give it.')];

const noSuchRun = detail(404, 'No such run', `run '${examples.run.id}' not found`);

function listRuns(): PathItem {
  return {
    get: {
      summary: 'Runs, a page at a time',
      parameters: queryParameters(runQuery),
      responses: {
        ...json(200, 'Newest first', 'RunList', { runs: [examples.run], next_cursor: null }),
        ...badLimit,
      },
    },
  };
}

function showRun(): PathItem {
  return {
    parameters: byId,
    get: {
      summary: 'One run',
      responses: {
        ...json(200, 'The run, with the last 100 lines of its backend', 'FullRun', examples.fullRun),
        ...noSuchRun,
      },
    },
  };
}

function showLog(): PathItem {
  return {
    parameters: byId,
    get: {
      summary: 'What the backend has written in a run, while it runs and afterwards',
      responses: {
        ...json(200, 'The last lines, 64 KiB of them at most', 'RunLog', examples.runLog),
        ...noSuchRun,
      },
    },
  };
}

function traceRun(): PathItem {
  return {
    parameters: byId,
    get: {
      summary: 'What became of all that a run has produced, as far as this daemon knows',
      parameters: queryParameters(traceQuery),
      responses: {
        ...json(200, 'The sums, and the way of each batch', 'Trace', letterExamples.trace),
        ...badLimit,
        ...noSuchRun,
      },
    },
  };
}

function cancelRun(): PathItem {
  return {
    parameters: byId,
    post: {
      summary: 'Cancels a run, whether it waits, runs or is delivered',
      responses: {
        ...json(
          202,
          'It ends; what it has yielded gets a moment to be delivered',
          'FullRun',
          examples.cancelledRun,
        ),
        ...otherSite,
        ...noSuchRun,
        ...detail(409, 'It has ended already', `run '${examples.run.id}' has ended: it is completed`),
      },
    },
  };
}
