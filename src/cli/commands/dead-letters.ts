import { z } from 'zod';
import {
  type DeadLetterListReply,
  deadLetterListReply,
  droppedAllReply,
  type OpenedLetterReply,
  openedLetterReply,
  retriedAllReply,
  retriedReply,
} from '../../api/delivery-replies.ts';
import { oneLine } from '../../telemetry/one-line.ts';
import { text, toggle } from '../option-kinds.ts';
import type { GivenValues } from '../read-options.ts';
import { usageError } from '../usage-error.ts';
import { clientOptions, pageOptions, takeLimit } from './client-options.ts';
import type { Command, CommandSurroundings } from './command.ts';
import { type DaemonClient, daemonClient } from './daemon-client.ts';
import { count, table } from './table.ts';

const LETTERS = '/api/v1/dead-letters';

interface Call {
  readonly client: DaemonClient;
  readonly given: GivenValues;
  /** The letters that are named. */
  readonly ids: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly print: CommandSurroundings['print'];
}

/** `orb-worker dead-letters list|show|retry|drop`. */
export const deadLettersCommand: Command = {
  name: 'dead-letters',
  usage: '[options] list | show ID | retry ID... | drop ID...',
  description:
    'Lists and shows the entities that the receiver refused for good, sends them again (say, after what it minded was changed there), or drops them. Instead of an ID, retry and drop take --policy, --run or --all.',
  kinds: [
    ...clientOptions,
    ...pageOptions,
    ['policy', text({ placeholder: 'NAME', help: 'Those of this policy', fallback: undefined })],
    ['run', text({ placeholder: 'ID', help: 'Those of this run', fallback: undefined })],
    ['all', toggle({ help: 'All that there are' })],
  ],
  mostWords: Number.POSITIVE_INFINITY,
  async run({ given, words: [action, ...ids] }, { env, print }) {
    const act = actions.get(action ?? '');
    if (act === undefined) throw usageError(wrongAction(action));
    await act({ client: daemonClient(given, env), given, ids, env, print });
  },
};

const actions = new Map<string, (call: Call) => Promise<void>>([
  ['list', list],
  ['show', show],
  ['retry', retry],
  ['drop', drop],
]);

function wrongAction(action: string | undefined): string {
  const choices = [...actions.keys()].map((name) => `'${name}'`).join(', ');
  return action === undefined
    ? `what to do is needed (choose from ${choices})`
    : `invalid choice: '${action}' (choose from ${choices})`;
}

async function list(call: Call): Promise<void> {
  const { client, given, ids, env } = call;
  if (ids.length > 0) throw usageError("'list' takes no id: 'show' does");
  const path = `${LETTERS}?${filterOf(given)}&limit=${takeLimit(given, env)}`;
  const { reply, asIs } = await client.ask('GET', path, deadLetterListReply);
  tell(call, asIs, listText(reply));
}

function listText({ dead_letters: letters, next_cursor: cursor }: DeadLetterListReply): string {
  if (letters.length === 0) return 'There are no dead letters.';
  const rows = letters.map((letter) => [
    letter.id,
    letter.policy,
    letter.run,
    count(letter.entity_count),
    letter.rejected_at,
    letter.reason,
  ]);
  const shown = table(['id', 'policy', 'run', ' entities', 'rejected', 'reason'], rows);
  return cursor === null ? shown : `${shown}\nThere are more: --limit shows up to 1000.`;
}

async function show(call: Call): Promise<void> {
  const [id, ...others] = call.ids;
  if (id === undefined || others.length > 0) throw usageError("'show' takes one id");
  const { reply, asIs } = await call.client.ask('GET', pathOf(id), openedLetterReply);
  tell(call, asIs, letterText(reply));
}

function letterText(reply: OpenedLetterReply): string {
  const facts = [
    ['id', reply.id],
    ['policy', reply.policy],
    ['run', reply.run],
    ['request id', reply.request_id],
    ['entities', count(reply.entity_count)],
    ['bytes', count(reply.bytes)],
    ['rejected', reply.rejected_at],
    ['reason', reply.reason],
  ];
  const lines = facts.map(([name = '', value = '']) => `${name.padEnd(10)}  ${oneLine(value)}`);
  const more = reply.more_entities > 0 ? [`and ${count(reply.more_entities)} more`] : [];
  return [...lines, '', JSON.stringify(reply.entities, null, 2), ...more].join('\n');
}

async function retry(call: Call): Promise<void> {
  const { client, ids } = call;
  if (isBulk(call)) {
    const path = `${LETTERS}/retry?${filterOf(call.given)}`;
    const { reply, asIs } = await client.ask('POST', path, retriedAllReply);
    return tell(call, asIs, `${lettersText(reply.retried)} sent again`);
  }
  for (const id of ids) {
    const { reply, asIs } = await client.ask('POST', `${pathOf(id)}/retry`, retriedReply);
    tell(call, asIs, `${id} is sent again, as request ${reply.request_id}`);
  }
}

async function drop(call: Call): Promise<void> {
  const { client, ids } = call;
  if (isBulk(call)) {
    const { reply, asIs } = await client.ask('DELETE', `${LETTERS}?${filterOf(call.given)}`, droppedAllReply);
    return tell(call, asIs, `${lettersText(reply.dropped)} dropped`);
  }
  for (const id of ids) {
    const { asIs } = await client.ask('DELETE', pathOf(id), z.unknown());
    tell(call, asIs, `${id} was dropped`);
  }
}

function tell({ given, print }: Call, asIs: unknown, text: string): void {
  print(given.has('json') ? JSON.stringify(asIs, null, 2) : text);
}

/** Whoever names none has to say that he means all. */
function isBulk({ given, ids }: Call): boolean {
  const isFiltered = ['policy', 'run', 'all'].some((key) => given.has(key));
  if (!isFiltered && ids.length === 0) throw usageError('an id, --policy, --run or --all is needed');
  if (isFiltered && ids.length > 0) throw usageError('an id goes without --policy, --run and --all');
  return isFiltered;
}

function filterOf(given: GivenValues): URLSearchParams {
  const filter = new URLSearchParams();
  for (const key of ['policy', 'run']) {
    const value = given.get(key)?.at(-1);
    if (value !== undefined) filter.set(key, value);
  }
  return filter;
}

function pathOf(id: string): string {
  return `${LETTERS}/${encodeURIComponent(id)}`;
}

function lettersText(letters: number): string {
  return letters === 1 ? '1 dead letter was' : `${count(letters)} dead letters were`;
}
