import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Clock, settlesWithin } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Launcher } from './launcher.ts';
import { MemoryWatch, memoryLimitMiB } from './memory-watch.ts';
import { OutputLog } from './output-log.ts';
import { type ProcessUsage, UsageMeter } from './process-usage.ts';
import { endGroup, endMarked, endTree, environmentOf, newMark } from './stragglers.ts';

export interface ProcessOptions {
  readonly clock: Clock;
  readonly launcher: Launcher;
  /** Limit of its JavaScript heap. */
  readonly memoryMiB: number;
  readonly env: NodeJS.ProcessEnv;
  readonly workingDirectory: string;
  /** Whether it has anything to do. */
  readonly isBusy: () => boolean;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const isolateFile = fileURLToPath(new URL(`./isolate/main.${ending}`, import.meta.url));

/** What V8 writes before it gives up. */
const OUT_OF_MEMORY = 'heap out of memory';

/** How long the last words of a process that has ended are waited for. */
const LAST_WORDS_MS = 250;

/**
 * A child process that is the leader of its own group: started at a low priority, first to go when the machine's
 * memory runs out, ended together with all that it started.
 */
export class IsolatedProcess {
  /** Resolves as soon as the process is gone. */
  readonly exited: Promise<unknown>;
  /** Resolves, when all that it started is gone, too, with how it ended: `exited with status 3`. */
  readonly ended: Promise<string>;
  /** The channel's end on this side; undefined when the process could not be started. */
  readonly channel: Socket | undefined = undefined;
  readonly #child: ChildProcess | undefined;
  readonly #options: ProcessOptions;
  readonly #outputs: readonly OutputLog[] = [];
  readonly #mark = newMark();
  #meter: UsageMeter | undefined;
  #memory: MemoryWatch | undefined;
  #hasExited = false;
  /** Why it must have ended, whatever its status says. */
  #knownReason: string | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    try {
      const child = spawnIsolate(options, this.#mark);
      this.#child = child;
      const exited = exitOf(child);
      this.exited = exited;
      this.ended = this.#waitForEnd(exited);
    } catch (error) {
      this.ended = Promise.resolve(failedStart(error));
      this.exited = this.ended;
    }
    if (this.#child === undefined || this.pid === undefined) return;
    stepBack(this.pid);
    const { stdio, stdout, stderr } = this.#child;
    if (stdio[3] instanceof Socket) this.channel = stdio[3];
    this.#outputs = [...this.#read('stdout', stdout), ...this.#read('stderr', stderr)];
  }

  /** undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** True when it has ended, though others may still have its outputs open, or go on in its name. */
  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** From now on it runs code that is not ours: its memory is watched while it is busy, and what it starts is found. */
  watch(): void {
    if (this.pid === undefined || this.#hasExited) return;
    this.#meter ??= new UsageMeter(this.pid, this.#options.clock);
    this.#memory ??= this.#watchMemory(this.#meter);
    this.#memory.begin();
  }

  /** What it uses, or used when that was last looked at; undefined before it is watched, and where the system does not tell. */
  usage(): ProcessUsage | undefined {
    return this.#hasExited ? this.#meter?.last : this.#meter?.read();
  }

  /** Ends it and what it started. Look at {@link ended}. */
  kill(): void {
    if (this.pid !== undefined && !this.#hasExited) endTree(this.pid);
  }

  #watchMemory(meter: UsageMeter): MemoryWatch {
    const { clock, isBusy, memoryMiB } = this.#options;
    const limitMiB = memoryLimitMiB(memoryMiB);
    const onOver = (): void => {
      this.#knownReason ??= `out of memory (limit ${limitMiB} MiB, of which its heap ${memoryMiB} MiB)`;
      this.kill();
    };
    return new MemoryWatch({ clock, meter, limitMiB, isBusy, onOver });
  }

  *#read(name: 'stdout' | 'stderr', stream: Readable | null): Generator<OutputLog> {
    if (stream === null) return;
    yield new OutputLog(stream, this.#options.clock, (line) => this.#tell(name, line));
  }

  #tell(stream: 'stdout' | 'stderr', line: string): void {
    if (stream === 'stderr' && line.includes(OUT_OF_MEMORY)) {
      this.#knownReason ??= `out of memory (limit ${this.#options.memoryMiB} MiB)`;
    }
    this.#options.onLine(stream, line);
  }

  async #waitForEnd(exited: Promise<string>): Promise<string> {
    const reason = await exited;
    this.#hasExited = true;
    if (this.pid !== undefined) endGroup(this.pid);
    this.#memory?.end();
    const stragglers = this.#memory === undefined ? undefined : endMarked(this.#mark);
    await this.#hearLastWords();
    await stragglers;
    return reason === inWords(0, null) ? reason : (this.#knownReason ?? reason);
  }

  /** What it said and wrote before its end may still be on the way. */
  async #hearLastWords(): Promise<void> {
    for (const output of this.#outputs) output.drain();
    const { channel } = this;
    const silence = Promise.all([
      ...this.#outputs.map((output) => output.ended),
      channel === undefined || channel.closed ? undefined : once(channel, 'close'),
    ]);
    // A daemon that was busy all that time has not looked yet.
    if (!(await settlesWithin(this.#options.clock, LAST_WORDS_MS, silence))) await nextTurn();
    channel?.destroy();
    for (const output of this.#outputs) output.close();
  }
}

function spawnIsolate(options: ProcessOptions, mark: string): ChildProcess {
  const { launcher, memoryMiB, env, workingDirectory } = options;
  const [program = '', ...args] = [
    ...launcher.prefix,
    process.execPath,
    `--max-old-space-size=${memoryMiB}`,
    '--no-warnings',
    isolateFile,
    ...launcher.isolateArguments,
  ];
  // The daemon's working directory: relative paths in a policy mean what they meant to the person who wrote them.
  return spawn(program, args, {
    cwd: workingDirectory,
    env: { ...env, ...environmentOf(mark) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
}

/** The daemon comes first, and the kernel takes a child before it takes anything else. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // Not every system has this, and a process may be gone by now.
  }
}

/** Resolves with how a process ended, in words. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(failedStart(error)));
    child.once('exit', (status, signal) => resolve(inWords(status, signal)));
  });
}

function failedStart(error: unknown): string {
  return `its process could not be started: ${messageOf(error)}`;
}

function inWords(status: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with status ${status}` : `killed by ${signal}`;
}
