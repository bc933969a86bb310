// A process that holds a host, with one run that spins and one child that waits; says their pids and stays.
import { Rig, startRun } from './rig.ts';

const rig = new Rig();
const lease = await rig.host.open('hostile');
await startRun(lease, { mood: 'spins' }).entered;
while (rig.pids.length < 2) {
  await startRun(lease, { mood: 'doesNothing' }).outcome;
}
process.stdout.write(`${JSON.stringify(rig.pids)}\n`);
