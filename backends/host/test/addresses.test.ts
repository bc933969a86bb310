import { expect, test } from 'vitest';
import { addressesOf } from '../src/read/addresses.ts';

const ipv4 = { family: 'IPv4', netmask: '255.255.255.0', mac: '', internal: false } as const;

test('a labelled address belongs to the interface without the label', () => {
  const interfaces = { 'eth0:web': [{ ...ipv4, address: '192.0.2.8', cidr: '192.0.2.8/24' }] };
  expect(addressesOf(interfaces, new Set(['eth0']))).toEqual([
    { link: 'eth0', family: 4, cidr: '192.0.2.8/24' },
  ]);
});

test('an interface with a colon in its own name keeps it', () => {
  const interfaces = { 'a:b': [{ ...ipv4, address: '192.0.2.8', cidr: '192.0.2.8/24' }] };
  expect(addressesOf(interfaces, new Set(['a:b']))[0]?.link).toBe('a:b');
});

test('an address whose netmask has holes stands alone', () => {
  const interfaces = { eth0: [{ ...ipv4, address: '192.0.2.8', cidr: null }] };
  expect(addressesOf(interfaces, new Set(['eth0']))[0]?.cidr).toBe('192.0.2.8/32');
});
