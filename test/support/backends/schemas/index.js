import { z } from 'zod';

/** Checks its config and scope with its own copy of a schema library. */
export default {
  describe: () => ({ name: 'schemas', app_name: 'schemas-app', app_version: '1.0.0' }),
  config: z.object({ site: z.string().min(1), role: z.string().default('router') }),
  scope: z.array(z.object({ name: z.string(), port: z.number().max(65535).optional() })),
  async *run({ config, scope }, { log }) {
    log.info(JSON.stringify(config));
    for (const { name } of scope) yield { device: { name, site: config.site, role: config.role } };
  },
};
