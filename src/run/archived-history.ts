import type { Clock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { KeptLines, LeftRuns, RunPage, RunQuery } from './contract.ts';
import { Cursors } from './cursors.ts';
import { type MemoryHistory, matches, type RestoredHistory } from './memory-history.ts';
import { isFinal, type Run } from './run.ts';
import type { RunArchive } from './run-archive.ts';

type KeptRun = Readonly<Run>;

/** A run that delivers is noted anew this often at most. */
const NOTE_EVERY_MS = 5_000;

/** Cursors of one daemon are good in the next one on the same directory. */
const CURSOR_MARK = 'archive';

interface HistoryParts {
  readonly events: Events;
  readonly archive: RunArchive;
  /** The runs of this life, as they are at this moment. */
  readonly memory: MemoryHistory;
  readonly clock: Clock;
}

/** Runs of this daemon and of its earlier lives: those on disk, and over them those that are in memory. */
export class ArchivedHistory implements RestoredHistory {
  readonly #archive: RunArchive;
  readonly #memory: MemoryHistory;
  readonly #clock: Clock;
  readonly #cursors = new Cursors(CURSOR_MARK);
  /** When runs that deliver were last noted, by the monotonic clock. */
  readonly #notedAt = new WeakMap<KeptRun, number>();

  constructor({ events, archive, memory, clock }: HistoryParts) {
    this.#archive = archive;
    this.#memory = memory;
    this.#clock = clock;
    for (const name of [
      'run:opened',
      'run:started',
      'run:delivering',
      'run:finished',
      'run:changed',
    ] as const) {
      events.on(name, ({ run }) => archive.record(run));
    }
    archive.onRepaired(async () => {
      for (const run of memory.underWay()) archive.record(run);
    });
    events.on('run:logged', ({ run, line }) => archive.addLine(run.id, line));
    events.on('batch:delivered', ({ run }) => this.#noteNowAndThen(run));
  }

  restore(left: LeftRuns): void {
    this.#memory.restore(left);
  }

  async get(id: string): Promise<KeptRun | undefined> {
    return this.#memory.find(id) ?? (await this.#archive.get(id));
  }

  keep(run: KeptRun): Promise<void> {
    return this.#archive.keep(run);
  }

  log(id: string): Promise<KeptLines> {
    return this.#archive.log(id);
  }

  latest(policy: string, count: number): readonly KeptRun[] {
    return this.#memory.latest(policy, count);
  }

  detach(policy: string): void {
    this.#memory.detach(policy);
  }

  async list(query: RunQuery): Promise<RunPage> {
    const { policy, status, limit, cursor } = query;
    const before = cursor === undefined ? undefined : this.#cursors.read(query, cursor);
    const archived = await this.#archive.list({ policy, status, limit: limit + 1, before });
    const found = this.#withMemory(archived, query, before);
    // What has changed since it was read may leave fewer than a page.
    const end = found.length > limit ? found[limit - 1] : archived[limit - 1];
    const isMore = Math.max(found.length, archived.length) > limit && end !== undefined;
    const nextCursor = isMore ? this.#cursors.write(query, end.sequence) : undefined;
    return { runs: found.slice(0, limit), nextCursor };
  }

  /** What is in memory is newer than what was read, and there even while nothing can be written. */
  #withMemory(archived: readonly KeptRun[], query: RunQuery, before: number | undefined): KeptRun[] {
    const byId = new Map(archived.map((run) => [run.id, this.#memory.find(run.id) ?? run]));
    for (const run of this.#memory.page(query, before, query.limit + 1)) byId.set(run.id, run);
    return [...byId.values()]
      .filter((run) => matches(run, query))
      .sort((one, other) => other.sequence - one.sequence);
  }

  #noteNowAndThen(run: KeptRun): void {
    const now = this.#clock.monotonic();
    const notedAt = this.#notedAt.get(run);
    if (notedAt === undefined) this.#notedAt.set(run, now);
    else if (now - notedAt < NOTE_EVERY_MS) return;
    this.#notedAt.set(run, now);
    if (notedAt !== undefined || isFinal(run.status)) this.#archive.record(run);
  }
}
