import { describe, expect, test } from 'vitest';
import type { LinkKind } from '../src/machine.ts';
import { interfaceTypeOf } from '../src/map/interface-type.ts';
import { allowedValues } from './facts.ts';

const rows: readonly [kind: LinkKind, speedMbps: number | undefined, type: string][] = [
  ['loopback', undefined, 'virtual'],
  ['virtual', 10000, 'virtual'],
  ['vlan', 1000, 'virtual'],
  ['bridge', 1000, 'bridge'],
  ['lag', 20000, 'lag'],
  ['wireless', undefined, 'other-wireless'],
  ['other', 100000, 'other'],
  ['ethernet', undefined, 'other'],
  ['ethernet', 10, 'other'],
  ['ethernet', 100, '100base-tx'],
  ['ethernet', 1000, '1000base-t'],
  ['ethernet', 2500, '2.5gbase-t'],
  ['ethernet', 5000, '5gbase-t'],
  ['ethernet', 10000, '10gbase-t'],
  ['ethernet', 25000, '25gbase-x-sfp28'],
  ['ethernet', 40000, '40gbase-x-qsfpp'],
  ['ethernet', 50000, '50gbase-x-sfp56'],
  ['ethernet', 100000, '100gbase-x-qsfp28'],
  ['ethernet', 200000, '200gbase-x-qsfp56'],
  ['ethernet', 400000, '400gbase-x-qsfpdd'],
  ['ethernet', 800000, '800gbase-x-qsfpdd'],
];

describe('the type of an interface', () => {
  test.each(rows)('%s at %s Mbit/s is %s', (kind, speedMbps, type) => {
    expect(interfaceTypeOf({ kind, speedMbps })).toBe(type);
  });

  test('is always one that NetBox knows', () => {
    const known = allowedValues('diode.v1.Interface.type');
    for (const [kind, speedMbps] of rows) expect(known).toContain(interfaceTypeOf({ kind, speedMbps }));
  });
});
