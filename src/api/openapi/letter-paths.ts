import { letterFilter, letterQuery } from '../letter-query.ts';
import * as examples from './letter-examples.ts';
import { pathParameter, queryParameters } from './parameters.ts';
import { badLimit, detail, json, otherSite, unavailable } from './responses.ts';
import type { Operation, PathItem } from './types.ts';

/** The routes about what receivers refused for good. */
export function describeLetterPaths(): Record<string, PathItem> {
  return {
    '/api/v1/dead-letters': { get: listLetters(), delete: dropLetters() },
    '/api/v1/dead-letters/retry': { post: retryLetters() },
    '/api/v1/dead-letters/{id}': { parameters: byId, get: showLetter(), delete: dropLetter() },
    '/api/v1/dead-letters/{id}/retry': { parameters: byId, post: retryLetter() },
  };
}

const byId = [pathParameter('id', 'As the list gives it.')];

const noSuchLetter = detail(
  404,
  'No such dead letter, or none any more',
  `dead letter '${examples.letter.id}' not found`,
);

const badFilter = detail(400, 'A parameter is wrong', "query parameter 'run': expected one id");

function listLetters(): Operation {
  return {
    summary: 'Dead letters, a page at a time: entities that the receiver refused for good',
    parameters: queryParameters(letterQuery),
    responses: {
      ...json(200, 'Oldest first', 'DeadLetterList', { dead_letters: [examples.letter], next_cursor: null }),
      ...badLimit,
    },
  };
}

function showLetter(): Operation {
  return {
    summary: 'One dead letter, with its entities',
    responses: {
      ...json(200, 'The letter', 'OpenedLetter', examples.openedLetter),
      ...noSuchLetter,
    },
  };
}

function retryLetter(): Operation {
  return {
    summary: 'Sends the entities of a dead letter again; refused once more, they are another one',
    responses: {
      ...json(202, 'They are on their way, and the letter is gone', 'Retried', {
        request_id: examples.letter.request_id,
      }),
      ...otherSite,
      ...noSuchLetter,
      ...unavailable,
    },
  };
}

function retryLetters(): Operation {
  return {
    summary: 'Sends again what all dead letters hold that the filters leave',
    parameters: queryParameters(letterFilter),
    responses: {
      ...json(202, 'How many', 'RetriedAll', { retried: 3 }),
      ...badFilter,
      ...otherSite,
      ...unavailable,
    },
  };
}

function dropLetter(): Operation {
  return {
    summary: 'Drops a dead letter and what it holds',
    responses: {
      ...detail(200, 'It is gone', `dead letter '${examples.letter.id}' was dropped`),
      ...noSuchLetter,
      ...unavailable,
    },
  };
}

function dropLetters(): Operation {
  return {
    summary: 'Drops all dead letters that the filters leave; without filters, all',
    parameters: queryParameters(letterFilter),
    responses: {
      ...json(200, 'How many', 'DroppedAll', { dropped: 3 }),
      ...badFilter,
      ...unavailable,
    },
  };
}
