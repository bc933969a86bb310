import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { WATCH_PARENT } from './isolate/watch-parent.ts';

/** How a child is started so that it never outlives the daemon, not even when it spins. */
export interface Launcher {
  /** Program and arguments to put before Node; none where the system has no such program. */
  readonly prefix: readonly string[];
  /** Arguments for the isolate. */
  readonly isolateArguments: readonly string[];
}

const SETPRIV = ['setpriv', '--pdeathsig', 'KILL'];

/** Finds out what this system offers: the kernel's own signal through `setpriv`, else the isolate watches its parent. */
export async function findLauncher(env: NodeJS.ProcessEnv): Promise<Launcher> {
  const [program = '', ...options] = SETPRIV;
  try {
    await promisify(execFile)(program, [...options, process.execPath, '--version'], { env });
    return { prefix: SETPRIV, isolateArguments: [] };
  } catch {
    return { prefix: [], isolateArguments: [WATCH_PARENT] };
  }
}
