import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { DemoEntity } from '../../scripts/demo/entities.ts';
import { describeEntities } from '../../scripts/demo/report.ts';
import { Shell } from './shell.ts';

describe('the demo', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'demo-'));
  const environment = { HOME: home, TMPDIR: home };
  afterAll(() => rmSync(home, { recursive: true }));

  test('leaves the daemon running until Ctrl-C, then stops it', async () => {
    const shell = new Shell('exec node scripts/demo.ts', environment);
    await shell.shows(/Press Ctrl-C/);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(shell.output)?.[0];
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    shell.interrupt();
    expect(await shell.ended, shell.output).toBe(0);
    await expect(fetch(`${url}/readyz`)).rejects.toThrow('fetch failed');
  });

  test('that cannot start its daemon says what the daemon said', async () => {
    const shell = new Shell('npm run demo -- --once', { ...environment, ORB_WORKER_CONCURRENCY: 'many' });
    expect(await shell.ended).toBe(1);
    expect(shell.output).toContain('the daemon ended');
    expect(shell.output).toContain('many');
  });
});

describe('the report of the demo', () => {
  const text = { name: 'x' };
  const links = Array.from({ length: 30 }, (_, index) => ({
    name: `enp101s0f${index}v100`.slice(0, 15),
    type: '100gbase-x-qsfp28',
    enabled: index % 2 === 0,
    mtu: '65536',
    primary_mac_address: { mac_address: 'aa:bb:cc:00:11:22' },
  }));
  const addresses = links.slice(20).map((link) => ({
    address: '2001:db8:1234:5678:9abc:def0:1234:5678/128',
    assigned_object_interface: link,
  }));
  const entities: DemoEntity[] = [
    {
      device: {
        ...text,
        device_type: { model: 'M', manufacturer: text },
        platform: text,
        site: text,
        role: text,
      },
    },
    ...links.map((link) => ({ interface: link })),
    ...addresses.map((address) => ({ ip_address: address })),
  ];
  const lines = describeEntities(entities).split('\n');

  test('fits into 80 columns', () => {
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('shows the interfaces with addresses first and counts those that are left out', () => {
    expect(lines.filter((line) => line.includes('2001:db8:'))).toHaveLength(8);
    expect(lines.at(-1)).toBe('  and 22 more');
  });

  test('shows what is unknown as a dash', () => {
    expect(lines).toContain('  Serial        -');
  });
});
