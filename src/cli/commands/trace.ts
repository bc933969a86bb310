import { type TracedBatch, type TraceReply, traceReply } from '../../api/delivery-replies.ts';
import { oneLine } from '../../telemetry/one-line.ts';
import { usageError } from '../usage-error.ts';
import { clientOptions, pageOptions, takeLimit } from './client-options.ts';
import type { Command } from './command.ts';
import { daemonClient } from './daemon-client.ts';
import { count, table } from './table.ts';

/** `orb-worker trace RUN`. */
export const traceCommand: Command = {
  name: 'trace',
  usage: '[options] RUN',
  description:
    'Shows what became of all that a run has produced: what was kept, sent, acknowledged by the receiver, rejected, and what still waits. RUN is its id, as the log, the status and /api/v1/runs have it.',
  kinds: [...clientOptions, ...pageOptions],
  mostWords: 1,
  async run({ given, words: [run] }, { env, print }) {
    if (run === undefined) throw usageError('the id of a run is needed');
    const client = daemonClient(given, env);
    const path = `/api/v1/runs/${encodeURIComponent(run)}/trace?limit=${takeLimit(given, env)}`;
    const { reply, asIs } = await client.ask('GET', path, traceReply);
    print(given.has('json') ? JSON.stringify(asIs, null, 2) : traceText(reply));
  },
};

function traceText(trace: TraceReply): string {
  const reason = trace.reason === '' ? '' : `\n  ${oneLine(trace.reason)}`;
  const more = trace.next_cursor === null ? [] : ['There are more batches: --limit shows up to 1000.'];
  const batches = trace.batches.length === 0 ? [] : ['', batchTable(trace.batches), ...more];
  return [
    `Run ${trace.run} of policy '${oneLine(trace.policy)}' is ${trace.status}${reason}`,
    '',
    sumTable(trace),
    '',
    conclusionOf(trace),
    ...batches,
  ].join('\n');
}

function sumTable(trace: TraceReply): string {
  const rows: [string, number | null, string][] = [
    ['produced', trace.produced, 'taken from its backend'],
    ['kept', trace.kept, 'safe on disk'],
    ['sent', trace.sent, 'at least once'],
    ['acknowledged', trace.acknowledged, 'by the receiver'],
    ['rejected', trace.rejected, 'by the receiver, for good'],
    ['waiting', trace.waiting, 'still to be acknowledged'],
    ['dropped', trace.dropped, 'given up without an answer'],
  ];
  const shown = rows.map(([name, value, about]) => [name, value === null ? '-' : count(value), about]);
  return table(['', ' entities', ''], shown);
}

/** The answer to "it says ingested, and nothing is there", for our part of the way. */
function conclusionOf(trace: TraceReply): string {
  const { run, produced, sent, acknowledged, rejected, waiting, dropped } = trace;
  const { forgotten_batches: forgotten } = trace;
  if (produced === 0) return 'Nothing was taken from its backend, so nothing was sent.';
  const lines = [
    ...(waiting > 0 ? [`${some(waiting)} not acknowledged yet: still on the way.`] : []),
    ...(rejected > 0 ? [`${some(rejected)} refused: orb-worker dead-letters list --run ${run}`] : []),
    ...(dropped > 0 ? [`${some(dropped)} given up without an answer: ${fateOf(sent)}.`] : []),
    ...(acknowledged === produced
      ? ['The receiver has acknowledged everything: what is missing was lost or refused behind it.']
      : []),
  ];
  if (forgotten > 0) lines.push(`${count(forgotten)} batches are forgotten, and in none of these figures.`);
  return lines.join('\n');
}

const fateOf = (sent: number): string =>
  sent === 0 ? 'lost, because nothing was sent' : 'lost, or there all the same';

function some(entities: number): string {
  return entities === 1 ? '1 entity was' : `${count(entities)} entities were`;
}

const HEADS = [
  'request id',
  ' entities',
  ' bytes',
  'handed over',
  ' kept',
  ' sent',
  ' settled',
  ' tries',
  'outcome',
  'last error',
];

function batchTable(batches: readonly TracedBatch[]): string {
  return table(
    HEADS,
    batches.map((batch) => [
      batch.request_id,
      count(batch.entity_count),
      count(batch.bytes),
      batch.accepted_at,
      sinceHandedOver(batch, batch.kept_at),
      sinceHandedOver(batch, batch.first_sent_at),
      sinceHandedOver(batch, batch.settled_at),
      count(batch.tries),
      outcomeOf(batch),
      batch.last_error,
    ]),
  );
}

/** `acknowledged`, or `rejected, 7 acknowledged`; a part says what it is a part of. */
function outcomeOf({ outcome, acknowledged, parent }: TracedBatch): string {
  const some = outcome !== 'acknowledged' && acknowledged > 0 ? `, ${count(acknowledged)} acknowledged` : '';
  return `${outcome}${some}${parent === null ? '' : ` (of ${parent})`}`;
}

/** `+12 ms`, `+3.4 s`; `-` for what has not happened. */
function sinceHandedOver({ accepted_at: start }: TracedBatch, end: string | null): string {
  if (end === null) return '-';
  const ms = Date.parse(end) - Date.parse(start);
  return ms < 10_000 ? `+${ms} ms` : `+${count(Math.round(ms / 1_000))} s`;
}
