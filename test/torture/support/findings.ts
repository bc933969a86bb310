import type { Driver } from './driver.ts';
import type { Journal } from './journal.ts';
import type { Outcome, ShownRun } from './outcome.ts';
import { isBad, type RecordingDiode } from './recording-diode.ts';

/** What is held against each other when nothing is under way any more. */
export interface Evidence {
  readonly diode: RecordingDiode;
  readonly driver: Driver;
  readonly journal: Journal;
  readonly outcome: Outcome;
}

/** Everything that is not as it was promised, a sentence each. */
export function findingsIn(evidence: Evidence): readonly string[] {
  return [
    ...evidence.diode.faults,
    ...evidence.driver.faults,
    ...requestsOfDiode(evidence),
    ...ingested(evidence),
    ...completed(evidence),
    ...keptBatches(evidence),
    ...accounts(evidence),
    ...letters(evidence),
    ...submitted(evidence),
    ...onceOnly(evidence),
  ];
}

/** Repeats come under the same request id, and nothing was invented. */
function* requestsOfDiode({ diode, journal, outcome }: Evidence): Generator<string> {
  const made = new Set([...journal.yielded.values(), ...journal.offered.values()].flat());
  const takenUnder = new Map<string, string>();
  for (const { id, runId, names, taken } of diode.requests.values()) {
    const batches = outcome.traces.get(runId)?.batches ?? [];
    if (!batches.some((batch) => batch.request_id === id))
      yield `request ${id} is in no trace of run ${runId}`;
    for (const name of names) if (!made.has(name)) yield `nobody has made the entity ${name}`;
    for (const name of taken ?? []) {
      const other = takenUnder.get(name);
      if (other !== undefined) yield `entity ${name} was taken under ${other} and again under ${id}`;
      takenUnder.set(name, id);
    }
  }
}

/** What `ingest` has resolved for has arrived, or is a dead letter. */
function* ingested({ diode, journal, outcome }: Evidence): Generator<string> {
  const there = new Set([...takenIn(diode), ...outcome.letters.flatMap(({ names }) => names)]);
  for (const key of journal.ingested) {
    const missing = (journal.offered.get(key) ?? []).filter((name) => !there.has(name));
    if (missing.length > 0) yield `ingest ${key} has resolved, and ${missing.join(', ')} did not arrive`;
  }
}

/** All that a completed run was to yield has arrived. */
function* completed({ diode, journal, outcome }: Evidence): Generator<string> {
  const there = new Set(takenIn(diode));
  for (const { id, policy, status, entity_count: entityCount, trigger } of outcome.runs.values()) {
    if (status !== 'completed' || trigger === 'ingest') continue;
    const names = journal.yielded.get(id) ?? [];
    const missing = names.filter((name) => !there.has(name));
    if (missing.length > 0) yield `run ${id} of ${policy} has completed without ${missing.join(', ')}`;
    if (entityCount !== names.length)
      yield `run ${id} of ${policy} has completed with ${entityCount} entities of ${names.length}`;
  }
}

/** Every batch that was shown as kept is accounted for. */
function* keptBatches({ diode, driver, outcome }: Evidence): Generator<string> {
  for (const { requestId, runId, entityCount } of driver.kept.values()) {
    const trace = outcome.traces.get(runId);
    const batch = trace?.batches.find((one) => one.request_id === requestId);
    const what = `batch ${requestId} of run ${runId}`;
    if (batch === undefined) yield `${what} was kept, and is not there any more`;
    else if (batch.outcome === 'acknowledged' && diode.requests.get(requestId)?.taken?.size !== entityCount)
      yield `${what} is said to be acknowledged, and Diode has not taken it`;
    else if (batch.outcome === 'dropped' && !driver.cancelled.has(runId))
      yield `${what} was kept, and was dropped`;
  }
}

/** What was produced is what was acknowledged and what was refused. */
function* accounts({ diode, driver, outcome }: Evidence): Generator<string> {
  for (const [id, trace] of outcome.traces) {
    const { produced, acknowledged, rejected, waiting, dropped } = trace;
    const run = outcome.runs.get(id);
    const what = `run ${id} of ${run?.policy} (${run?.status}: ${run?.reason})`;
    if (produced !== acknowledged + rejected + dropped || waiting > 0)
      yield `${what}: of ${produced} ${acknowledged} acknowledged, ${rejected} rejected, ${dropped} dropped, ${waiting} wait`;
    const taken = [...diode.requests.values()]
      .filter(({ runId }) => runId === id)
      .reduce((sum, request) => sum + (request.taken?.size ?? 0), 0);
    const isExact = !driver.cancelled.has(id);
    if (taken < acknowledged || (isExact && taken > acknowledged))
      yield `${what}: ${acknowledged} are said to be acknowledged, and Diode has taken ${taken}`;
    if (run && run.entity_count > acknowledged)
      yield `${what} says ${run.entity_count} entities, and its trace ${acknowledged}`;
    const inLetters = outcome.letters
      .filter((letter) => letter.run === id)
      .reduce((sum, letter) => sum + letter.entity_count, 0);
    if (inLetters !== rejected) yield `${what}: ${rejected} were rejected, and ${inLetters} are letters`;
  }
}

/** Only what Diode will not have is in letters. */
function* letters({ outcome }: Evidence): Generator<string> {
  for (const { id, names, reason } of outcome.letters) {
    const innocent = names.filter((name) => !isBad(name));
    if (innocent.length > 0) yield `dead letter ${id} (${reason}) holds ${innocent.join(', ')}`;
  }
}

function* submitted({ driver, outcome }: Evidence): Generator<string> {
  for (const id of driver.submitted) {
    if (!outcome.runs.has(id)) yield `run ${id} was accepted, and is not known`;
  }
}

/** A run that is owed once is not repeated when it has completed. */
function* onceOnly({ driver, journal, outcome }: Evidence): Generator<string> {
  const completedOf = new Map<number, string>();
  for (const run of outcome.runs.values()) {
    const version = journal.versions.get(run.id);
    if (version === undefined || run.status !== 'completed' || rootOf(run, outcome).trigger !== 'once')
      continue;
    const other = completedOf.get(version);
    if (other !== undefined)
      yield `${run.policy} was to run once: ${other} and ${run.id} have completed (version ${version}, once ${driver.plans.get(version)?.isOnce})`;
    completedOf.set(version, run.id);
  }
}

function rootOf(run: ShownRun, outcome: Outcome): ShownRun {
  const above = run.retry_of === null ? undefined : outcome.runs.get(run.retry_of);
  return above === undefined ? run : rootOf(above, outcome);
}

function takenIn({ requests }: RecordingDiode): string[] {
  return [...requests.values()].flatMap(({ taken }) => [...(taken ?? [])]);
}
