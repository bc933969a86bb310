import { describe, expect, test } from 'vitest';
import { FakeDiode } from '../support/fake-diode.ts';
import { freePort, Notes, never, post, postSoon, type RunReply, runs, start } from './residents.ts';
import { policy } from './support.ts';

const notes = Notes.ofEachTest();

describe('what a backend hands over by itself', () => {
  test('during a run is a run of its own in history, and at the receiver when its promise resolves', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    await daemon.apply(policy('p', 'ingests', {}, { mood: 'array', names: ['a', 'b'] }));
    await expect
      .poll(async () => (await runs(daemon)).map(({ status }) => status), { timeout: 10_000 })
      .toEqual(['completed', 'completed']);
    const [ingest, run] = await runs(daemon);
    expect(ingest).toMatchObject({ policy: 'p', trigger: 'ingest', entity_count: 2, reason: '' });
    expect(run).toMatchObject({ trigger: 'once', entity_count: 1 });
    const [first, second] = diode.ingested;
    expect(first?.metadata.run_id).toBe(ingest?.id);
    expect(second?.entities).toMatchObject([{ device: { name: 'kept' } }]);
    expect((await daemon.request('/api/v1/status')).json()).toMatchObject({
      policies: [{ name: 'p', status: 'completed', runs: [{ id: run?.id }] }],
    });
  });

  test('from what setup has opened goes the same way, failures too', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    expect((await daemon.apply(notes.listener(port))).status).toBe(201);
    expect(await postSoon(port, 'a\nb')).toBe('kept');
    expect(diode.ingested[0]?.entities).toMatchObject([{ device: { name: 'a' } }, { device: { name: 'b' } }]);
    await daemon.apply(policy('fails', 'resident', { schedule: never }, { mood: 'fails' }));
    await expect
      .poll(async () => (await runs(daemon)).find((run) => run.policy === 'fails'), { timeout: 10_000 })
      .toMatchObject({ trigger: 'ingest', status: 'failed', reason: 'lost the connection', entity_count: 0 });
    await daemon.line(/backend\.resident.*trying again/);
  });

  test('is not kept before the receiver has it, where nothing is kept on disk', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(notes.listener(port));
    expect(await postSoon(port, 'before')).toBe('kept');
    diode.ingest.failAlways({ status: 14, message: 'away' });
    const later = post(port, 'later');
    await diode.received(2);
    diode.ingest.recover();
    expect(await later).toBe('kept');
  });

  test('is rejected with the words of a receiver that refuses it', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    const port = await freePort();
    await daemon.apply(notes.listener(port));
    expect(await postSoon(port, 'before')).toBe('kept');
    diode.ingest.failAlways({ status: 3, message: 'no such thing' });
    expect(await post(port, 'refused')).toContain('no such thing');
    expect((await runs(daemon))[0]).toMatchObject({ trigger: 'ingest', status: 'failed', entity_count: 0 });
  });

  test('is cancelled with its policy as far as it is not kept, or alone on request', async () => {
    await using diode = await FakeDiode.start();
    await using daemon = await start(diode.target);
    for (const name of ['deleted', 'asked'])
      await daemon.apply(policy(name, 'ingests', {}, { mood: 'endless' }));
    const ingests = async (): Promise<readonly RunReply[]> =>
      (await runs(daemon)).filter(({ trigger }) => trigger === 'ingest');
    const idOf = async (name: string): Promise<string> =>
      (await ingests()).find((run) => run.policy === name)?.id ?? '';
    await expect
      .poll(async () => (await ingests()).map(({ status }) => status), { timeout: 10_000 })
      .toEqual(['running', 'running']);
    const [deleted, asked] = [await idOf('deleted'), await idOf('asked')];
    expect((await daemon.delete('deleted')).status).toBe(200);
    expect((await daemon.request(`/api/v1/runs/${asked}/cancel`, { method: 'POST' })).status).toBe(202);
    for (const [id, reason] of [
      [deleted, 'the policy was deleted'],
      [asked, 'cancelled on request'],
    ]) {
      await expect
        .poll(async () => (await ingests()).find((run) => run.id === id), { timeout: 10_000 })
        .toMatchObject({ status: 'cancelled', reason: expect.stringContaining(reason ?? '') });
    }
  });

  test('is kept at once where there is a data directory, and outlives a kill', async () => {
    await using diode = await FakeDiode.start();
    const port = await freePort();
    diode.ingest.failAlways({ status: 14, message: 'away' });
    {
      await using daemon = await start(diode.target, '--data-dir', notes.dataDir);
      await daemon.apply(notes.listener(port));
      expect(await postSoon(port, 'owed')).toBe('kept');
      await daemon.stop('SIGKILL');
    }
    diode.ingest.recover();
    await using daemon = await start(diode.target, '--data-dir', notes.dataDir);
    await expect
      .poll(
        () =>
          JSON.stringify(
            diode.requests
              .filter(({ acknowledged }) => acknowledged)
              .map(({ bytes }) => bytes.toString('latin1')),
          ),
        { timeout: 20_000 },
      )
      .toContain('owed');
    expect(await postSoon(port, 'again')).toBe('kept');
    const { runs: all } = (await daemon.request('/api/v1/runs?policy=ears')).json<{ runs: RunReply[] }>();
    expect(new Set(all.map(({ trigger }) => trigger))).toEqual(new Set(['ingest']));
  });
});
