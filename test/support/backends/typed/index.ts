import { defineBackend, type PolicyInput } from 'orb-worker';

interface Site {
  name: string;
}

/** TypeScript that is run from its source, by the daemon's own door. */
export default defineBackend({
  describe: () => ({
    name: 'typed',
    app_name: 'typed-app',
    app_version: '2.0.0',
    description: 'from source',
  }),
  run({ scope }: PolicyInput) {
    const sites = scope as Site[];
    return sites.map(({ name }) => ({ site: { name } }));
  },
});
