import type { Entity } from 'orb-worker';

interface Scope {
  readonly count: number;
}

/** A device as a collector finds it: nested objects, tags, custom fields; about 300 bytes on the wire. */
export function device(i: number) {
  return {
    name: `lis-leaf-${String(i).padStart(6, '0')}`,
    site: { name: `Lisboa ${i % 40}`, slug: `lisboa-${i % 40}`, region: { name: 'Portugal' } },
    role: { name: 'leaf', slug: 'leaf' },
    device_type: { model: `QFX-${i % 7}`, manufacturer: { name: 'Juniper' } },
    platform: { name: 'junos 23.4R2', manufacturer: { name: 'Juniper' } },
    serial: `PT${1_000_000 + i}`,
    status: 'active',
    tags: [{ name: 'fabric' }, { name: `pod-${i % 12}` }],
    custom_fields: { owner_team: { text: 'network' }, rack_units: { integer: 1 + (i % 4) } },
  };
}

export function* devices(count: number): Generator<Entity> {
  for (let i = 0; i < count; i++) yield { device: device(i) };
}

/** Yields as many devices as its scope says. */
export default {
  describe: () => ({ name: 'devices', app_name: 'bench', app_version: '1.0.0' }),
  async *run({ scope }: { scope: Scope }) {
    for (let i = 0; i < scope.count; i++) yield { device: device(i) };
  },
};
