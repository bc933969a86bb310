import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { BadRequestError } from '../../src/errors.ts';
import { Events } from '../../src/events.ts';
import type { RunHistory, RunQuery } from '../../src/run/contract.ts';
import { createRunHistory } from '../../src/run/history.ts';
import { moveTo, type Run, type RunStatus, type RunTrigger } from '../../src/run/run.ts';
import { runOf } from '../support/runs.ts';

/** A history, and runs that are told to it as the coordinator tells them. */
class Story {
  readonly events = new Events((_name, fault) => {
    throw fault;
  });
  readonly history: RunHistory = createRunHistory({ events: this.events, clock: systemClock });
  #sequence = 0;

  open(policy: string, trigger: RunTrigger = 'cron'): Run {
    const sequence = ++this.#sequence;
    const times = { dueAt: sequence, createdAt: sequence, updatedAt: sequence };
    const run = runOf(sequence, { ...times, id: `run-${sequence}`, policy, trigger });
    this.events.emit('run:opened', { run });
    return run;
  }

  finish(run: Run, status: RunStatus = 'failed'): Run {
    moveTo(run, status, run.sequence);
    this.events.emit('run:finished', { run });
    return run;
  }

  run(policy: string, status: RunStatus = 'failed', trigger: RunTrigger = 'cron'): Run {
    return this.finish(this.open(policy, trigger), status);
  }

  async page(query: Partial<RunQuery>): Promise<{ ids: string[]; nextCursor: string | undefined }> {
    const { runs, nextCursor } = await this.history.list({
      policy: undefined,
      status: undefined,
      limit: 1_000_000,
      cursor: undefined,
      ...query,
    });
    return { ids: runs.map((run) => run.id), nextCursor };
  }
}

describe('lists', () => {
  test('newest first, by policy, by status, by both', async () => {
    const story = new Story();
    story.run('a');
    story.run('b', 'cancelled');
    story.run('a', 'cancelled');
    story.open('a');
    expect((await story.page({})).ids).toEqual(['run-4', 'run-3', 'run-2', 'run-1']);
    expect((await story.page({ policy: 'a' })).ids).toEqual(['run-4', 'run-3', 'run-1']);
    expect((await story.page({ status: 'cancelled' })).ids).toEqual(['run-3', 'run-2']);
    expect((await story.page({ policy: 'a', status: 'cancelled' })).ids).toEqual(['run-3']);
    expect((await story.page({ policy: 'none' })).ids).toEqual([]);
  });

  test('in pages that hold every run once, while new ones arrive', async () => {
    const story = new Story();
    for (let index = 0; index < 25; index++) story.run(index % 2 === 0 ? 'a' : 'b');
    const expected = (await story.page({ policy: 'a' })).ids;
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await story.page({ policy: 'a', limit: 4, cursor });
      expect(page.ids.length).toBeLessThanOrEqual(4);
      found.push(...page.ids);
      cursor = page.nextCursor;
      story.run('a');
    } while (cursor !== undefined);
    expect(found).toEqual(expected);
  });

  test('a page that ends with the last run has no next', async () => {
    const story = new Story();
    for (let index = 0; index < 4; index++) story.run('a');
    const first = await story.page({ limit: 2 });
    expect(first.nextCursor).toMatch(/^[\w-]+$/);
    expect((await story.page({ limit: 2, cursor: first.nextCursor })).nextCursor).toBeUndefined();
  });
});

describe('a cursor', () => {
  test('of another query is refused, with a text that says so', async () => {
    const story = new Story();
    for (let index = 0; index < 4; index++) story.run('a');
    const { nextCursor } = await story.page({ policy: 'a', limit: 1 });
    expect((await story.page({ policy: 'a', limit: 3, cursor: nextCursor })).ids).toHaveLength(3);
    for (const query of [{}, { policy: 'b' }, { policy: 'a', status: 'failed' as const }]) {
      await expect(story.page({ ...query, cursor: nextCursor })).rejects.toThrow(BadRequestError);
      await expect(story.page({ ...query, cursor: nextCursor })).rejects.toThrow(/another policy or status/);
    }
  });

  test('of another daemon is refused', async () => {
    const other = new Story();
    for (let index = 0; index < 4; index++) other.run('a');
    const { nextCursor } = await other.page({ limit: 1 });
    await expect(new Story().page({ cursor: nextCursor })).rejects.toThrow(/restarted/);
  });

  test.each([
    '',
    'x',
    '..',
    'MQ',
    'MS4y',
    '%00',
    '=',
    'ünï',
    'A'.repeat(100_000),
    '-1',
    'MTIzNDU2Nzg5MDEyMzQ1Njc4OS5h',
  ])('that is none is refused: %j', async (cursor) => {
    const story = new Story();
    story.run('a');
    await expect(story.page({ cursor })).rejects.toThrow(BadRequestError);
    await expect(story.page({ cursor })).rejects.toThrow(/not a cursor/);
  });
});

describe('the latest runs of a policy', () => {
  test('come newest first, without those that were skipped', async () => {
    const story = new Story();
    for (let index = 0; index < 7; index++) {
      story.run('a');
      story.run('a', 'skipped');
      story.run('b');
    }
    expect(story.history.latest('a', 5).map((run) => run.id)).toEqual([
      'run-19',
      'run-16',
      'run-13',
      'run-10',
      'run-7',
    ]);
    expect(story.history.latest('none', 5)).toEqual([]);
  });

  test('are none for a policy that is applied again after its deletion; the old ones stay listed', async () => {
    const story = new Story();
    story.run('a');
    const underWay = story.open('a');
    story.history.detach('a');
    expect(story.history.latest('a', 5)).toEqual([]);
    story.run('a');
    story.finish(underWay, 'cancelled');
    expect(story.history.latest('a', 5).map((run) => run.id)).toEqual(['run-3']);
    expect((await story.page({ policy: 'a' })).ids).toEqual(['run-3', 'run-2', 'run-1']);
    expect((await story.history.get('run-2'))?.status).toBe('cancelled');
  });
});

describe('ingests', () => {
  test('take no place among the latest runs, unless there are no others', async () => {
    const story = new Story();
    const ingests = Array.from({ length: 7 }, () => story.run('a', 'failed', 'ingest').id);
    expect(story.history.latest('a', 5).map((run) => run.id)).toEqual(ingests.slice(2).reverse());
    const { id } = story.run('a');
    story.run('a', 'failed', 'ingest');
    expect(story.history.latest('a', 5).map((run) => run.id)).toEqual([id]);
    expect((await story.page({ policy: 'a' })).ids).toHaveLength(9);
  });

  test('push no other run out, and are kept by the hundred', async () => {
    const story = new Story();
    for (let index = 0; index < 80; index++) story.run('a');
    for (let index = 0; index < 1_000; index++) story.run('a', 'failed', 'ingest');
    expect((await story.page({ policy: 'a' })).ids).toHaveLength(180);
    expect(await story.history.get('run-1')).toBeDefined();
    story.history.detach('a');
    for (let index = 0; index < 20_000; index++) story.run(`other-${index}`);
    expect(await story.history.get('run-1080')).toBeUndefined();
  });
});

describe('bounds', () => {
  test('of one policy, 80 runs and 20 that were skipped', async () => {
    const story = new Story();
    for (let index = 0; index < 1_000; index++) {
      story.run('a');
      story.run('a', 'skipped');
    }
    expect((await story.page({ policy: 'a' })).ids).toHaveLength(100);
    expect((await story.page({ policy: 'a', status: 'skipped' })).ids).toHaveLength(20);
    expect(await story.history.get('run-1')).toBeUndefined();
    expect((await story.page({})).ids.at(0)).toBe('run-2000');
  });

  test('a run under way is not forgotten, however many are skipped or done meanwhile', async () => {
    const story = new Story();
    const underWay = story.open('a');
    for (let index = 0; index < 300; index++) {
      story.run('a', 'skipped');
      story.run('a');
    }
    expect(await story.history.get(underWay.id)).toBe(underWay);
  });

  test('10,000 in all, and never less than the latest five of a policy', async () => {
    const story = new Story();
    for (let index = 0; index < 5; index++) story.run('quiet');
    for (let index = 0; index < 80 * 200; index++) story.run(`busy-${index % 200}`);
    expect((await story.page({})).ids.length).toBeLessThanOrEqual(10_001);
    expect(story.history.latest('quiet', 5)).toHaveLength(5);
    for (let policy = 0; policy < 5_000; policy++) {
      for (let index = 0; index < 6; index++) story.run(`many-${policy}`);
    }
    for (const policy of ['quiet', 'busy-0', 'many-0', 'many-4999']) {
      expect(story.history.latest(policy, 5)).toHaveLength(5);
    }
  });

  test('runs that are skipped push no real run out, not even when there is no room', async () => {
    const story = new Story();
    for (let index = 0; index < 5; index++) story.run('a');
    for (let policy = 0; policy < 2_500; policy++) {
      for (let index = 0; index < 5; index++) story.run(`many-${policy}`);
    }
    for (let index = 0; index < 300; index++) story.run('a', 'skipped');
    expect(story.history.latest('a', 5)).toHaveLength(5);
  });

  test('runs of deleted policies are the first to go', async () => {
    const story = new Story();
    for (let index = 0; index < 20_000; index++) {
      story.run(`gone-${index}`);
      story.history.detach(`gone-${index}`);
    }
    expect((await story.page({})).ids).toHaveLength(10_000);
    expect(await story.history.get('run-1')).toBeUndefined();
    for (let index = 0; index < 50; index++) story.run('here');
    expect(story.history.latest('here', 80)).toHaveLength(50);
    expect((await story.page({})).ids).toHaveLength(10_000);
  });
});
