import { defineBackend } from 'orb-worker';
import { entitiesOf } from './map/entities.ts';
import { readMachine } from './read/read-machine.ts';
import { scopeSchema } from './scope.ts';

/** The machine that the daemon runs on: its device, interfaces and addresses. */
export default defineBackend({
  describe: () => ({
    name: 'host',
    app_name: 'orb-worker-host',
    app_version: '0.1.0',
    description: 'This machine: device, interfaces and addresses',
  }),
  scope: scopeSchema,
  async *run({ scope }, { log, progress }) {
    const entities = entitiesOf(await readMachine(), scope);
    log.info(`found ${entities.length} entities`);
    for (const [index, entity] of entities.entries()) {
      yield entity;
      progress(index + 1, entities.length);
    }
  },
});
