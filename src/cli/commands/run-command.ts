import { StartError } from '../../errors.ts';
import { readLine } from '../read-line.ts';
import { usageError, usageText } from '../usage-error.ts';
import { versionText } from '../version-text.ts';
import type { Command } from './command.ts';

/** Does what a command's line asks for, and sets the process's exit status: 0, 1 or 2. */
export async function runCommand(
  command: Command,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  // Whoever reads the first lines only has what he wants.
  process.stdout.on('error', () => undefined);
  try {
    await run(command, argv, env);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const { exitStatus, message } = error;
    const program = `orb-worker ${command.name}`;
    process.stderr.write(usageText(message, program, exitStatus === 2 ? command.usage : undefined));
    process.exitCode = exitStatus;
  }
}

async function run(command: Command, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const line = readLine(argv, command.kinds, env, command.mostWords);
  if (line.asksFor === 'version') return print(versionText());
  if (line.asksFor === 'help') {
    const { commandHelp } = await import('../help.ts');
    return print(commandHelp(command));
  }
  if (line.fault !== undefined) throw usageError(line.fault);
  await command.run(line, { env, print });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
