import { setTimeout as sleep } from 'node:timers/promises';

const neighbour = Promise.withResolvers();

/** How long a run waits for another to share its process with. */
const ALONE_MS = 2_000;

/** A run that never ends by itself. */
export const never = new Promise(() => setInterval(() => undefined, 2 ** 30).unref());

/**
 * A backend of which a run with `scope.entities` behaves well, and any other does its worst, in the same process where
 * they are started together.
 */
export function hostile(name, worst) {
  return {
    describe: () => ({ name, app_name: name, app_version: '1.0.0' }),
    run: async function* run({ scope }, context) {
      if (scope?.entities !== undefined) yield* behave(scope, context);
      else yield* await doWorst(worst, scope, context);
    },
  };
}

async function doWorst(worst, scope, context) {
  if (scope?.besideAnother) await Promise.race([neighbour.promise, sleep(ALONE_MS)]);
  return (await worst(scope, context)) ?? [];
}

async function* behave({ entities, everyMs }, { runId, policyName }) {
  for (let index = 0; index < entities; index++) {
    yield { device: { name: `${policyName} ${runId} ${index}` } };
    await sleep(everyMs);
    neighbour.resolve();
  }
}
