import type { FuzzTarget } from './support/target.ts';

const load = {
  policy: () => import('./targets/policy.ts'),
  expansion: () => import('./targets/expansion.ts'),
  'diode-target': () => import('./targets/diode-target.ts'),
  cron: () => import('./targets/cron.ts'),
  duration: () => import('./targets/duration.ts'),
  options: () => import('./targets/options.ts'),
  'schema-rows': () => import('./targets/schema-rows.ts'),
  frames: () => import('./targets/frames.ts'),
  'backend-host': () => import('./targets/backend-host.ts'),
  'dry-run-names': () => import('./targets/dry-run-names.ts'),
  'diode-replies': () => import('./targets/diode-replies.ts'),
  'token-replies': () => import('./targets/token-replies.ts'),
  'stored-rows': () => import('./targets/stored-rows.ts'),
  routes: () => import('./targets/routes.ts'),
} satisfies Record<string, () => Promise<{ readonly target: FuzzTarget }>>;

/** All targets, by the names of their folders in the corpus. */
export const targetNames: readonly string[] = Object.keys(load);

export async function targetCalled(name: string): Promise<FuzzTarget> {
  const entry = Object.entries(load).find(([known]) => known === name);
  if (entry === undefined)
    throw new Error(`no target is called ${name}: there are ${targetNames.join(', ')}`);
  return (await entry[1]()).target;
}
