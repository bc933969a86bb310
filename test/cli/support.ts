import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { readCommandLine, type Wish } from '../../src/cli/command-line.ts';
import { StartError } from '../../src/errors.ts';
import type { DaemonOptions } from '../../src/options.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program from source, with nothing of the tests' environment but what it needs to run. */
export function spawnProgram(flags: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [main, ...flags], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs it to its end. */
export async function runProgram(
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const child = spawnProgram(flags, env);
  const [stdout, stderr, [status]] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
    once(child, 'close'),
  ]);
  return { status, stdout, stderr };
}

/** What a command line comes to, in one word or sentence. */
export function outcomeOf(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Wish | string {
  try {
    return readCommandLine(argv, env);
  } catch (error) {
    if (error instanceof StartError && error.exitStatus === 2) return error.message;
    throw error;
  }
}

/** The options that a good command line comes to. */
export function optionsOf(argv: readonly string[], env: NodeJS.ProcessEnv = {}): DaemonOptions {
  const wish = outcomeOf(argv, env);
  if (typeof wish === 'string' || wish.kind !== 'daemon')
    throw new Error(`no options: ${JSON.stringify(wish)}`);
  return wish.options;
}

/** A daemon that was started from source and listens. */
export class StartedDaemon implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly url: string;
  readonly #errors: string[];

  private constructor(child: ChildProcess, url: string, errors: string[]) {
    this.process = child;
    this.url = url;
    this.#errors = errors;
  }

  /** Resolves when it says where it listens; rejects with what it wrote when it ends before. */
  static async start(flags: readonly string[], env: Record<string, string> = {}): Promise<StartedDaemon> {
    const child = spawnProgram(flags, env);
    const errors: string[] = [];
    const url = await new Promise<string>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        errors.push(chunk);
        const listening = /Listening on (http:\/\/[^\s"]+)/.exec(errors.join(''));
        if (listening?.[1] !== undefined) resolve(listening[1]);
      });
      child.on('exit', () => reject(new Error(errors.join(''))));
    });
    return new StartedDaemon(child, url, errors);
  }

  /** What it wrote to stderr so far. */
  get stderr(): string {
    return this.#errors.join('');
  }

  /** Resolves when this stands in stderr. */
  async says(words: string): Promise<void> {
    while (!this.stderr.includes(words)) await once(this.process.stderr ?? this.process, 'data');
  }

  /** Its exit status, or the signal that ended it. */
  async end(...signals: NodeJS.Signals[]): Promise<number | string> {
    const closed = once(this.process, 'close');
    for (const signal of signals) this.process.kill(signal);
    await closed;
    return this.process.exitCode ?? this.process.signalCode ?? 'unknown';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.process;
    if (exitCode === null && signalCode === null) await this.end('SIGKILL');
  }
}
