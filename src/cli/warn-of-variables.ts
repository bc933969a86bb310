import type { Logger } from 'pino';
import type { DaemonOptions } from '../options.ts';
import { allOptions, variableOf } from './options.ts';

/** What Kubernetes says of a service that is called `orb-worker`, or begins so. */
const OF_A_SERVICE = /_SERVICE_(?:HOST|PORT)|_PORT_\d+_(?:TCP|UDP|SCTP)/;
const SERVICE_LINK = /^(?:tcp|udp|sctp):\/\//;

/** Warns of variables that would be taken for something else than was meant. */
export function warnOfVariables(options: DaemonOptions, env: NodeJS.ProcessEnv, log: Logger): void {
  const ours = log.child({ module: 'worker' });
  warnOfUnset(options, env, ours);
  warnOfUnknown(env, ours);
}

/** Upstream takes the text itself in the place of a variable that is not set (sheet: Command line), which then is refused. */
function warnOfUnset({ dryRun, secretVariables }: DaemonOptions, env: NodeJS.ProcessEnv, log: Logger): void {
  if (dryRun) return;
  for (const name of secretVariables.filter((name) => env[name] === undefined)) {
    log.warn(`A flag is \${${name}}, but there is no variable ${name}: it is taken as it is`);
  }
}

/** A flag that is misspelt is refused; a variable may be somebody else's. */
function warnOfUnknown(env: NodeJS.ProcessEnv, log: Logger): void {
  const known = new Set(allOptions().map(([key]) => variableOf(key)));
  for (const [name, value = ''] of Object.entries(env)) {
    if (!name.startsWith('ORB_WORKER_') || known.has(name)) continue;
    if (OF_A_SERVICE.test(name) || SERVICE_LINK.test(value)) continue;
    log.warn(`${name} is no variable that orb-worker reads: --help names those that are`);
  }
}
