import type { RealDaemon } from '../../support/real-daemon.ts';

/** A run as the API shows it. */
export interface ShownRun {
  readonly id: string;
  readonly policy: string;
  readonly status: string;
  readonly reason: string;
  readonly trigger: string;
  readonly retry_of: string | null;
  readonly entity_count: number;
}

export interface ShownTrace {
  readonly produced: number;
  readonly acknowledged: number;
  readonly rejected: number;
  readonly waiting: number;
  readonly dropped: number;
  readonly batches: readonly {
    readonly request_id: string;
    readonly parent: string | null;
    readonly outcome: string;
    readonly entity_count: number;
    readonly acknowledged: number;
  }[];
}

interface ShownLetter {
  readonly id: string;
  readonly run: string;
  readonly entity_count: number;
  readonly reason: string;
}

/** All that a daemon says in the end. */
export interface Outcome {
  readonly runs: ReadonlyMap<string, ShownRun>;
  readonly traces: ReadonlyMap<string, ShownTrace>;
  readonly letters: readonly (ShownLetter & { readonly names: readonly string[] })[];
}

interface Page {
  readonly next_cursor: string | null;
}

const UNFINISHED = ['pending', 'running', 'delivering'];
const LARGEST_PAGE = 1_000;

export async function get<T>(daemon: RealDaemon, path: string): Promise<T> {
  const answer = await daemon.request(path);
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
  return answer.json<T>();
}

export async function readOutcome(daemon: RealDaemon): Promise<Outcome> {
  const runs = await everyPage<ShownRun>(daemon, '/api/v1/runs', 'runs');
  const traces = new Map<string, ShownTrace>();
  for (const { id } of runs)
    traces.set(id, await get(daemon, `/api/v1/runs/${id}/trace?limit=${LARGEST_PAGE}`));
  const letters = await everyPage<ShownLetter>(daemon, '/api/v1/dead-letters', 'dead_letters');
  const opened: Outcome['letters'][number][] = [];
  for (const letter of letters) opened.push({ ...letter, names: await namesIn(daemon, letter) });
  return { runs: new Map(runs.map((run) => [run.id, run])), traces, letters: opened };
}

/** What is not over yet, in words; empty when nothing is. */
export async function whatIsLeft(daemon: RealDaemon): Promise<readonly string[]> {
  const left: string[] = [];
  for (const status of UNFINISHED) {
    const { runs } = await get<{ runs: readonly ShownRun[] }>(
      daemon,
      `/api/v1/runs?status=${status}&limit=20`,
    );
    left.push(...runs.map(({ id, policy, trigger }) => `run ${id} of ${policy} (${trigger}) is ${status}`));
  }
  const { delivery } = await get<{ delivery?: { waiting_batches: number } }>(daemon, '/api/v1/status');
  if (delivery !== undefined && delivery.waiting_batches > 0)
    left.push(`delivery: ${JSON.stringify(delivery)}`);
  return left;
}

async function everyPage<T>(daemon: RealDaemon, path: string, field: string): Promise<readonly T[]> {
  const all: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page: Page & Record<string, T[]> = await get(daemon, `${path}?limit=${LARGEST_PAGE}${more}`);
    all.push(...(page[field] ?? []));
    cursor = page.next_cursor;
  }
  return all;
}

async function namesIn(daemon: RealDaemon, { id }: ShownLetter): Promise<readonly string[]> {
  const { entities } = await get<{ entities: { device?: { name?: string } }[] }>(
    daemon,
    `/api/v1/dead-letters/${id}`,
  );
  return entities.map(({ device }) => device?.name ?? '');
}
