import { randomUUID } from 'node:crypto';
import type { ApiParts } from '../../src/api/api-parts.ts';
import type { BatchReceipt, DeadLetter, LetterQuery, OpenedLetter } from '../../src/delivery/batch-store.ts';
import type { DeadLetters } from '../../src/delivery/contract.ts';
import { BatchBuilder } from '../../src/entity/batch-builder.ts';

type Snapshot = ReturnType<ApiParts['delivery']['snapshot']>;

/** Of a delivery that has nothing to do. */
export const NOTHING_WAITS: Snapshot = {
  waitingBatches: 0,
  waitingBytes: 0,
  waitingEntities: 0,
  oldestAgeMs: undefined,
  lastError: undefined,
  nextTryAt: undefined,
  misfits: 0,
  letters: 0,
  rejectedEntities: 0,
};

/** A delivery that sends nothing: it shows what a test put into it, and remembers what it was asked for. */
export class KeptDelivery {
  readonly letters = new KeptLetters();
  readonly receiptsOf = new Map<string, readonly BatchReceipt[]>();
  /** What waits; letters are counted. */
  waiting: Partial<Snapshot> = {};

  snapshot(): Snapshot {
    return { ...NOTHING_WAITS, letters: this.letters.count, ...this.waiting };
  }

  async receipts(runId: string): Promise<readonly BatchReceipt[]> {
    return this.receiptsOf.get(runId) ?? [];
  }
}

class KeptLetters implements DeadLetters {
  readonly opened = new Map<string, OpenedLetter>();
  readonly retried: string[] = [];
  /** What is done when a letter is sent again: refused once more, it would be added once more. */
  onRetry: (opened: OpenedLetter) => void = () => undefined;

  /** Adds a letter with these entities. */
  add(entities: readonly unknown[], changes: Partial<DeadLetter> = {}): DeadLetter {
    const { encoding = 'diode', runId = randomUUID() } = changes;
    const builder = new BatchBuilder({ encoding, runId, now: () => 0 });
    for (const entity of entities) builder.add(entity);
    const bytes = builder.close()?.bytes ?? Buffer.alloc(0);
    const id = randomUUID();
    const letter: DeadLetter = {
      id,
      runId,
      policy: 'edge',
      batchId: randomUUID(),
      encoding,
      entityCount: entities.length,
      byteLength: bytes.length,
      reason: 'device name is not allowed',
      rejectedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      ...changes,
    };
    const run = { runId, policyName: 'edge', backend: 'b', appName: 'app', appVersion: '1' };
    this.opened.set(id, { letter, batch: { id: letter.batchId, run, entityCount: entities.length, bytes } });
    return letter;
  }

  get count(): number {
    return this.opened.size;
  }

  async list({ policy, runId, limit, after }: LetterQuery): Promise<readonly DeadLetter[]> {
    const all = [...this.opened.values()].map(({ letter }) => letter);
    // As on disk: of a letter that is gone, nothing is known to come after it.
    const last =
      after === undefined
        ? -1
        : this.opened.has(after)
          ? all.findIndex(({ id }) => id === after)
          : all.length;
    const behind = all.slice(last + 1);
    return behind
      .filter((letter) => policy === undefined || letter.policy === policy)
      .filter((letter) => runId === undefined || letter.runId === runId)
      .slice(0, limit);
  }

  async open(id: string): Promise<OpenedLetter | undefined> {
    return this.opened.get(id);
  }

  async retry(id: string): Promise<string | undefined> {
    const opened = this.opened.get(id);
    if (opened === undefined) return undefined;
    this.opened.delete(id);
    this.retried.push(id);
    this.onRetry(opened);
    return `again-${id}`;
  }

  async drop(id: string): Promise<boolean> {
    return this.opened.delete(id);
  }
}

const acceptedAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** The receipt of a batch that has arrived, unless told otherwise. */
export function receiptOf(changes: Partial<BatchReceipt> = {}): BatchReceipt {
  const { entityCount = 10, outcome = 'acknowledged' } = changes;
  return {
    id: randomUUID(),
    runId: 'run',
    sequence: 0,
    parent: undefined,
    entityCount,
    byteLength: 1_000,
    acceptedAt,
    keptAt: acceptedAt + 2,
    firstSentAt: acceptedAt + 3,
    lastSentAt: acceptedAt + 3,
    tries: 1,
    settledAt: outcome === 'waiting' ? undefined : acceptedAt + 9,
    outcome,
    acknowledged: outcome === 'acknowledged' ? entityCount : 0,
    lastError: '',
    ...changes,
  };
}
