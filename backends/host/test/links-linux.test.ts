import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLinuxLinks } from '../src/read/links-linux.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'links-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Lays out an interface as the kernel does: `folders` and `symlinks` beside files with one line each. */
function addLink(
  name: string,
  files: Record<string, string>,
  { folders = [], symlinks = {} }: { folders?: string[]; symlinks?: Record<string, string> } = {},
): void {
  const folder = path.join(root, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, file), `${text}\n`);
  for (const inner of folders) mkdirSync(path.join(folder, inner));
  for (const [link, target] of Object.entries(symlinks)) symlinkSync(target, path.join(folder, link));
}

const ethernet = { type: '1', flags: '0x1003', address: 'AA:BB:CC:00:11:22', mtu: '1500' };

async function readOnly() {
  const links = await readLinuxLinks(root);
  expect(links).toHaveLength(1);
  return links[0];
}

describe('an interface of Linux', () => {
  test('with a cable shows what it is', async () => {
    addLink('eth0', { ...ethernet, speed: '1000', duplex: 'full' }, { folders: ['device'] });
    expect(await readOnly()).toEqual({
      name: 'eth0',
      kind: 'ethernet',
      enabled: true,
      macAddress: 'aa:bb:cc:00:11:22',
      mtu: 1500,
      speedMbps: 1000,
      duplex: 'full',
      master: undefined,
      parent: undefined,
    });
  });

  test.each(['-1', '4294967295', '0', ''])('whose driver gives the speed "%s" has none', async (speed) => {
    addLink('eth0', { ...ethernet, speed, duplex: 'unknown' }, { folders: ['device'] });
    expect(await readOnly()).toMatchObject({ speedMbps: undefined, duplex: undefined });
  });

  test('that is switched off is not enabled, one without a cable is', async () => {
    addLink('off', { ...ethernet, flags: '0x1002', operstate: 'down' });
    addLink('unplugged', { ...ethernet, flags: '0x1003', operstate: 'down' });
    const links = await readLinuxLinks(root);
    expect(links.map(({ name, enabled }) => [name, enabled])).toEqual([
      ['off', false],
      ['unplugged', true],
    ]);
  });

  test.each([
    ['loopback', { type: '772', flags: '0x9' }, {}],
    ['bridge', ethernet, { folders: ['bridge'] }],
    ['lag', ethernet, { folders: ['bonding'] }],
    ['wireless', ethernet, { folders: ['device', 'phy80211'] }],
    ['vlan', { ...ethernet, uevent: 'DEVTYPE=vlan\nINTERFACE=x' }, {}],
    ['virtual', { ...ethernet, uevent: 'DEVTYPE=vxlan' }, {}],
    ['virtual', ethernet, {}],
    ['other', { ...ethernet, type: '32' }, { folders: ['device'] }],
  ] as const)('is seen as %s', async (kind, files, around) => {
    addLink('x', files, { folders: [...('folders' in around ? around.folders : [])] });
    expect(await readOnly()).toMatchObject({ kind });
  });

  test('names its bridge or bond, and a VLAN what it lies on', async () => {
    addLink('bond0', ethernet, { folders: ['bonding'] });
    addLink('eth0', ethernet, { folders: ['device'], symlinks: { master: '../bond0' } });
    addLink('vlan7', { ...ethernet, uevent: 'DEVTYPE=vlan' }, { symlinks: { lower_bond0: '../bond0' } });
    expect(await readLinuxLinks(root)).toMatchObject([
      { name: 'bond0', master: undefined, parent: undefined },
      { name: 'eth0', master: 'bond0', parent: undefined },
      { name: 'vlan7', master: undefined, parent: 'bond0' },
    ]);
  });

  test.each([
    '00:00:00:00:00:00',
    '0.0.0.0',
    '',
    '80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0b:7d:21',
  ])('with the hardware address "%s" has no MAC address', async (address) => {
    addLink('x', { ...ethernet, address });
    expect(await readOnly()).toMatchObject({ macAddress: undefined });
  });

  test('the list of bonds beside the interfaces is none', async () => {
    writeFileSync(path.join(root, 'bonding_masters'), 'bond0\n');
    expect(await readLinuxLinks(root)).toEqual([]);
  });
});
