import { FINAL_STATUSES, LIVE_STATUSES } from '../../run/run.ts';
import type { ChannelState, SinkHealth, TokenState } from '../../sink/contract.ts';
import { type ChildrenOfPackage, childrenByPackage } from './children.ts';
import type { MetricSources } from './sources.ts';
import { type Family, family, labels, sample, single, states } from './text.ts';

const TOKEN_STATES: readonly TokenState[] = ['none', 'fetching', 'valid'];
const CHANNEL_STATES: readonly ChannelState[] = [
  'none',
  'idle',
  'connecting',
  'ready',
  'transient_failure',
  'shutdown',
];

/** What the daemon's own parts are doing. */
export async function daemonFamilies(sources: MetricSources): Promise<readonly Family[]> {
  const { version, droppedLogLines, registry } = sources;
  const info = 'orb_worker_info';
  return [
    family('gauge', info, 'The version of the daemon', () => [sample(info, labels({ version }), 1)]),
    single(
      'gauge',
      'orb_worker_policies_unable',
      'Policies that cannot work, whatever their runs say',
      () => registry.unable().count,
    ),
    ...runFamilies(sources),
    ...childFamilies(await childrenByPackage(sources.host.children())),
    ...deliveryFamilies(sources),
    ...stateFamilies(sources),
    ...sinkFamilies(sources.sink.health()),
    single(
      'counter',
      'orb_worker_log_dropped_lines_total',
      'Lines of the log that its reader was too slow for',
      droppedLogLines,
    ),
  ];
}

function runFamilies({ tally }: MetricSources): readonly Family[] {
  const live = 'orb_worker_runs';
  const ended = 'orb_worker_runs_ended_total';
  return [
    family('gauge', live, 'Runs that have not ended, by their state', function* () {
      const runs = [...tally.liveRuns];
      for (const state of LIVE_STATUSES) {
        yield sample(live, labels({ state }), runs.filter(({ status }) => status === state).length);
      }
    }),
    family('counter', ended, 'Runs that have ended, by their final state', function* () {
      for (const state of FINAL_STATUSES) yield sample(ended, labels({ state }), tally.ended.get(state) ?? 0);
    }),
  ];
}

function childFamilies(packages: readonly ChildrenOfPackage[]): readonly Family[] {
  const ofPackages = (
    name: string,
    help: string,
    read: (one: ChildrenOfPackage) => number | undefined,
  ): Family =>
    family('gauge', name, help, function* () {
      for (const one of packages) {
        const value = read(one);
        if (value !== undefined) yield sample(name, labels({ package: one.package }), value);
      }
    });
  return [
    ofPackages('orb_worker_children', 'Backend processes', ({ count }) => count),
    ofPackages('orb_worker_children_runs', 'Runs in backend processes', ({ runs }) => runs),
    ofPackages(
      'orb_worker_children_resident_memory_bytes',
      'Resident memory of backend processes',
      ({ residentBytes }) => residentBytes,
    ),
  ];
}

function deliveryFamilies({ delivery, tally }: MetricSources): readonly Family[] {
  const snapshot = delivery.snapshot();
  const { waitingBatches, waitingBytes, waitingEntities } = snapshot;
  const { delivered } = tally;
  const prefix = 'orb_worker_delivery';
  return [
    single('gauge', `${prefix}_waiting_batches`, 'Batches not yet acknowledged', () => waitingBatches),
    single('gauge', `${prefix}_waiting_bytes`, 'Bytes of these batches', () => waitingBytes),
    single('gauge', `${prefix}_waiting_entities`, 'Entities in these batches', () => waitingEntities),
    single(
      'gauge',
      `${prefix}_oldest_batch_age_seconds`,
      'How long the oldest of these batches has waited, 0 when there is none',
      () => (snapshot.oldestAgeMs ?? 0) / 1_000,
    ),
    single(
      'gauge',
      `${prefix}_misfit_batches`,
      'Of these batches, written for another kind of receiver than the daemon sends to',
      () => snapshot.misfits,
    ),
    single('counter', `${prefix}_batches_total`, 'Batches that were acknowledged', () => delivered.batches),
    single('counter', `${prefix}_bytes_total`, 'Bytes of these batches', () => delivered.bytes),
    single('counter', `${prefix}_entities_total`, 'Entities in these batches', () => delivered.entities),
    single(
      'counter',
      `${prefix}_rejected_entities_total`,
      'Entities that the receiver refused for good',
      () => snapshot.rejectedEntities,
    ),
    single(
      'gauge',
      'orb_worker_dead_letters',
      'Dead letters: what it refused, as kept',
      () => snapshot.letters,
    ),
  ];
}

/** Without a data directory there is nothing to tell. */
function stateFamilies({ state }: MetricSources): readonly Family[] {
  const health = state?.health();
  const figures = state?.figures();
  const prefix = 'orb_worker_state';
  return [
    single(
      'gauge',
      `${prefix}_up`,
      '1 when what is accepted can be kept, else 0',
      () => health && (health.ok ? 1 : 0),
    ),
    single('gauge', `${prefix}_bytes`, 'Size of the files in the data directory', () => figures?.bytes),
    single(
      'counter',
      `${prefix}_commits_total`,
      'Groups of changes that were written to the data directory',
      () => figures?.commits,
    ),
    single(
      'counter',
      `${prefix}_commit_seconds_total`,
      'Time that writing them took, waiting for the disk included',
      () => figures && figures.commitMs / 1_000,
    ),
  ];
}

function sinkFamilies({ ok, token, channel }: SinkHealth): readonly Family[] {
  return [
    single('gauge', 'orb_worker_sink_up', '1 when the receiver answered last time, else 0', () =>
      ok ? 1 : 0,
    ),
    states('orb_worker_sink_token', 'State of the token for Diode', TOKEN_STATES, () => token),
    states('orb_worker_sink_channel', 'State of the gRPC channel', CHANNEL_STATES, () => channel),
  ];
}
