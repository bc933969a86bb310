import { describe, expect, test, vi } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import { parsePrometheus } from '../support/prometheus-text.ts';
import { type Answer, RealDaemon } from '../support/real-daemon.ts';
import { dryRunFlags, policy } from './support.ts';

function everyHour(count: number): string {
  const policies = Array.from({ length: count }, (_, n) => [
    `p${n}`,
    { config: { package: 'pkg', schedule: '0 * * * *' }, scope: null },
  ]);
  return JSON.stringify({ policies: Object.fromEntries(policies) });
}

describe('/metrics of a real daemon', () => {
  test('counts from the start, whenever the first scrape comes', async () => {
    await using daemon = await RealDaemon.start(dryRunFlags());
    await daemon.apply(policy('once', 'pkg'));
    await daemon.apply(policy('bad', 'throws'));
    await daemon.line(/Policy once: Successfully ingested 2 entities/);
    await daemon.line(/Policy bad: .*did not answer/);
    await daemon.request('/nope?secret=1');
    const families = parsePrometheus((await daemon.request('/metrics')).text);
    const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
      families.get(name)?.samples.find((one) => Object.entries(labels).every(([k, v]) => one.labels[k] === v))
        ?.value;
    expect(value('policy_executions_total', { policy: 'once' })).toBe(1);
    expect(value('backend_execution_success_total', { policy: 'once' })).toBe(1);
    expect(value('backend_execution_failure_total', { policy: 'bad' })).toBe(1);
    expect(value('orb_worker_delivery_entities_total')).toBe(2);
    expect(value('api_requests_total', { path: '/api/v1/policies', method: 'POST' })).toBe(2);
    expect(value('api_requests_total', { path: '(none)', method: 'GET' })).toBe(1);
    expect(value('orb_worker_children', { package: 'pkg' })).toBe(1);
    expect(value('orb_worker_children_resident_memory_bytes', { package: 'pkg' })).toBeGreaterThan(2 ** 24);
    expect(value('nodejs_active_resources_total')).toBeGreaterThan(0);

    await daemon.delete('once');
    const after = await daemon.request('/metrics');
    expect(after.text).not.toContain('policy="once"');
    expect(after.text).toContain('policy="bad"');
  });

  test('is whole or refused while the daemon stops, and does not hold it up', async () => {
    const daemon = await RealDaemon.start(dryRunFlags());
    expect((await daemon.apply(everyHour(3_000))).status).toBe(201);
    const answers: Answer[] = [];
    let isOver = false;
    const faults: unknown[] = [];
    const scrapeOn = async (): Promise<void> => {
      while (!isOver) {
        await daemon.request('/metrics').then(
          (answer) => answers.push(answer),
          (fault) => faults.push(fault),
        );
      }
    };
    const scraping = [scrapeOn(), scrapeOn(), scrapeOn()];
    await vi.waitUntil(() => answers.length > 3, { timeout: 15_000 });
    const begunAt = performance.now();
    expect(await daemon.stop()).toBe(0);
    const tookMs = performance.now() - begunAt;
    isOver = true;
    await Promise.all(scraping);
    expect(tookMs).toBeLessThan(3_000);
    // What Node calls an answer that broke off.
    expect(faults.map(messageOf)).not.toContain('aborted');
    for (const { status, text, headers } of answers) {
      expect([200, 503]).toContain(status);
      expect(Buffer.byteLength(text)).toBe(Number(headers['content-length']));
      if (status === 200) expect(parsePrometheus(text).get('active_policies')?.samples).toHaveLength(3_000);
      else expect(JSON.parse(text)).toEqual({ detail: 'the daemon is stopping' });
    }
  });
});
