import { spawn } from 'node:child_process';
import { once } from 'node:events';

const linesShown = 60;

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the program. */
  readonly signal?: AbortSignal;
  /** Shows what it writes as it writes it; otherwise only what it wrote last, and only when it fails. */
  readonly isShown?: boolean;
}

/** Runs a program to its end, in the current folder. Rejects with its last lines when it fails. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  const { isShown = false, ...rest } = options;
  const child = spawn(program, args, { ...rest, stdio: ['ignore', ...outputsFor(isShown)] });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  }
  const [status, signal] = await once(child, 'close');
  if (status === 0) return;
  const lastLines = chunks.join('').trimEnd().split('\n').slice(-linesShown);
  const command = [program, ...args].join(' ');
  throw new Error([`${command}: ended with ${signal ?? `status ${status}`}`, ...lastLines].join('\n  '));
}

function outputsFor(isShown: boolean): ['inherit', 'inherit'] | ['pipe', 'pipe'] {
  return isShown ? ['inherit', 'inherit'] : ['pipe', 'pipe'];
}
