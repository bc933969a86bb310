import { expect, test } from 'vitest';
import { linkOf, readLinksElsewhere } from '../src/read/links-elsewhere.ts';

const wired = {
  iface: 'en0',
  internal: false,
  virtual: false,
  type: 'wired',
  mac: 'aa:bb:cc:00:11:22',
  mtu: 1500,
  speed: 1000,
  duplex: 'full',
  operstate: 'up',
};

test.each([
  ['ethernet', {}],
  ['loopback', { internal: true }],
  ['virtual', { virtual: true }],
  ['wireless', { type: 'wireless' }],
  ['other', { type: 'unknown' }],
])('the library’s row is seen as %s', (kind, changes) => {
  expect(linkOf({ ...wired, ...changes })).toMatchObject({ name: 'en0', kind, enabled: true });
});

test('what the library does not know is left out', () => {
  const unknown = { ...wired, mac: '', mtu: null, speed: -1, duplex: '', operstate: 'down' };
  expect(linkOf(unknown)).toMatchObject({
    enabled: false,
    macAddress: undefined,
    mtu: undefined,
    speedMbps: undefined,
    duplex: undefined,
  });
});

test('the library finds the loopback of this machine', async () => {
  expect((await readLinksElsewhere()).some(({ kind }) => kind === 'loopback')).toBe(true);
});
