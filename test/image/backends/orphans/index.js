import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const ORPHANS = 20;

/** `R`, `S`, `Z`, ...; undefined when there is no such process. */
function stateOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
  } catch {
    return undefined;
  }
}

/** Leaves a process without parent, which soon ends; resolves with its pid. */
async function leaveOrphan() {
  const parent = spawn('setsid', ['sh', '-c', 'sleep 0.1 & echo $!']);
  const [chunk] = await once(parent.stdout, 'data');
  return Number(chunk);
}

/** Yields a device for each of its orphans that nobody has reaped, and one more. */
export default {
  describe: () => ({ name: 'orphans', app_name: 'orphans', app_version: '1.0.0' }),
  async *run(_policy, { log }) {
    const pids = await Promise.all(Array.from({ length: ORPHANS }, leaveOrphan));
    for (let tries = 0; tries < 100 && pids.some(stateOf); tries += 1) await sleep(50);
    const left = pids.filter(stateOf);
    log.info(`${left.length} of ${pids.length} orphans are left`);
    yield { device: { name: 'orphans' } };
  },
};
