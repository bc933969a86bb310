import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fieldsInStat } from '../proc-status.ts';

/** Set for each child, and inherited by whatever it starts: the name of a process that left the child's group. */
export const MARK_VARIABLE = 'ORB_WORKER_CHILD';

/** Of {@link fieldsInStat}. */
const START_FIELD = 19;

/** Processes that are looked at side by side. */
const AT_ONCE = 16;
/** Who starts processes while others of it are ended is looked for again, so many times. */
const MOST_ROUNDS = 10;

let children = 0;

/**
 * A mark for the environment of one child. It says whose child it is, so that another daemon can tell whether that
 * one still lives: where its process ids count, its process id, and when it was started.
 */
export function newMark(): string {
  children++;
  return `${markOfDaemon() ?? process.pid}.${children}`;
}

/** The variable that holds the mark. */
export function environmentOf(mark: string): NodeJS.ProcessEnv {
  return { [MARK_VARIABLE]: mark };
}

/** Marks that are looked for together, and when that is over. */
interface Search {
  readonly marks: Set<string>;
  readonly over: Promise<void>;
}

let running: Promise<void> = Promise.resolve();
let next: Search | undefined;

/**
 * Ends every process that has this mark: those too that a child's group does not hold any more (`setsid`). Not found is
 * what has cleared its environment: {@link endTree} finds that, as long as its starter lives. Who asks while others are
 * looked for is served with all who do, in one search.
 */
export function endMarked(mark: string): Promise<void> {
  next ??= searchAfter(running);
  next.marks.add(mark);
  return next.over;
}

function searchAfter(before: Promise<void>): Search {
  const marks = new Set<string>();
  const over = before.then(() => {
    next = undefined;
    return endAll(marks);
  });
  running = over;
  return { marks, over };
}

async function endAll(marks: ReadonlySet<string>): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = await processesWhere((mark) => marks.has(mark));
    if (found.length === 0) return;
    found.forEach(end);
  }
}

/** Every process that has this mark, but the one that asks. */
export function processesMarked(mark: string): Promise<readonly number[]> {
  return processesWhere((theirs) => theirs === mark);
}

/**
 * Ends a process, its group, and all that it has started, whatever these made of their session and environment; not
 * what its starter has left alone.
 */
export function endTree(pid: number): void {
  signal(-pid, 'SIGSTOP');
  const started = descendantsOf(pid);
  endGroup(pid);
  started.forEach(end);
}

/** Ends what is left of the group that a process has led. */
export function endGroup(pid: number): void {
  signal(-pid, 'SIGKILL');
}

/** Ends what children of daemons left behind that are dead by now. Resolves with how many processes that were. */
export async function endOrphans(): Promise<number> {
  const ours = markOfDaemon();
  if (ours === undefined) return 0;
  const [space] = ours.split('.');
  const found = await processesWhere((mark) => {
    const [theirSpace, pid, startedAt] = mark.split('.');
    return theirSpace === space && startTimeOf(Number(pid)) !== startedAt;
  });
  found.forEach(end);
  return found.length;
}

/** undefined where the system has no /proc. */
function markOfDaemon(): string | undefined {
  try {
    const space = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    return `${space}.${process.pid}.${startTimeOf(process.pid)}`;
  } catch {
    return undefined;
  }
}

/** Clock ticks since the machine started; undefined for a process that is gone. */
function startTimeOf(pid: number): string | undefined {
  try {
    return fieldsInStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))[START_FIELD];
  } catch {
    return undefined;
  }
}

async function processesWhere(suits: (mark: string) => boolean): Promise<readonly number[]> {
  const found: number[] = [];
  const pids = await processIds();
  while (pids.length > 0) {
    const marks = await Promise.all(
      pids.splice(0, AT_ONCE).map(async (pid) => ({ pid, mark: await markOf(pid) })),
    );
    for (const { pid, mark } of marks) if (mark !== undefined && suits(mark)) found.push(pid);
  }
  return found;
}

async function processIds(): Promise<number[]> {
  try {
    return (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  } catch {
    return [];
  }
}

/** undefined for a process of somebody else, one that is gone, and one without a mark. */
async function markOf(pid: number): Promise<string | undefined> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
    return new RegExp(`(?:^|\\0)${MARK_VARIABLE}=([\\d.]+)\\0`).exec(environment)?.[1];
  } catch {
    return undefined;
  }
}

function descendantsOf(pid: number): readonly number[] {
  const children = startedBy(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

/** By any of its threads; nothing where the system does not tell. */
function startedBy(pid: number): readonly number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const texts = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'));
    return texts.join(' ').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function end(pid: number): void {
  signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone by itself.
  }
}
