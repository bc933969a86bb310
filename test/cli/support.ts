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
