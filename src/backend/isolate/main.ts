import { Channel } from './channel.ts';
import { Isolate } from './isolate.ts';
import { openDoor } from './load-backend.ts';
import { losesParentSignal, WATCH_PARENT, watchParent } from './watch-parent.ts';

// The one module that works when it is imported: a child process begins here.

/** A daemon that lives has time to end this process itself, and to say why, however busy the machine is. */
const ALONE_MS = 10_000;

process.title = 'orb-worker backend';
if (process.argv.includes(WATCH_PARENT) || losesParentSignal()) watchParent();
process.argv.length = 1;
openDoor();
const channel = new Channel();
const isolate = new Isolate(channel);
channel.listen(
  (kind, body) => isolate.handle(kind, body),
  // Without the daemon, this process and those it started are for nothing.
  () => setTimeout(() => process.kill(-process.pid, 'SIGKILL'), ALONE_MS),
);
