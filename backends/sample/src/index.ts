import { defineBackend } from 'orb-worker';
import { z } from 'zod';

const address = z.union([z.cidrv4(), z.cidrv6()], {
  error: 'expected an address with its prefix length, such as 192.0.2.1/24',
});
const devices = z.array(z.strictObject({ name: z.string().min(1), address: address.nullish() }));

/** `{ r1: 192.0.2.1/24 }` is short for `[{ name: r1, address: 192.0.2.1/24 }]`. */
function listOf(scope: unknown): unknown {
  if (typeof scope !== 'object' || scope === null || Array.isArray(scope)) return scope;
  return Object.entries(scope).map(([name, address]) => ({ name, address }));
}

/** Yields each device that the scope lists, and its address where one is given. */
export default defineBackend({
  describe: () => ({ name: 'sample', app_name: 'orb-worker-sample', app_version: '0.1.0' }),

  // The keys of `config` that are the backend's own; `package` and `schedule` stand beside them.
  config: z.looseObject({ site: z.string().min(1), role: z.string().min(1).default('router') }),

  scope: z.preprocess(listOf, devices),

  async *run({ config, scope }, { log, progress, signal }) {
    for (const [index, { name, address }] of scope.entries()) {
      signal.throwIfAborted();
      const device = {
        name,
        site: config.site,
        role: config.role,
        device_type: 'Sample',
        manufacturer: 'Generic',
      };
      yield { device };
      const assigned_object_interface = { device, name: 'mgmt0', type: 'virtual' };
      if (address) yield { ip_address: { address, assigned_object_interface } };
      else log.warn(`${name} has no address`);
      progress(index + 1, scope.length);
    }
    log.info(`yielded ${scope.length} devices`);
  },
});
