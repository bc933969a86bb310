import { StartError } from '../errors.ts';
import { readCommandLine, type Wish } from './command-line.ts';
import { commandNamed } from './commands/command.ts';
import { settleTimezone } from './settle-timezone.ts';
import { usageText } from './usage-error.ts';
import { versionText } from './version-text.ts';

/**
 * The program: does what its command line asks for. Its first word names a command; without one it is a daemon, and takes
 * flags alone. Sets the process's exit status; a daemon that was started ends the process itself.
 */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [first, ...rest] = argv;
  const load = commandNamed(first);
  if (load !== undefined) {
    const { runCommand } = await import('./commands/run-command.ts');
    await runCommand(await load(), rest, env);
    return;
  }
  try {
    await grant(readCommandLine(argv, env), env);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(usageText(error.message, 'orb-worker', '[options]'));
    process.exitCode = error.exitStatus;
  }
}

async function grant(wish: Wish, env: NodeJS.ProcessEnv): Promise<void> {
  switch (wish.kind) {
    case 'help': {
      const { helpText } = await import('./help.ts');
      process.stdout.write(helpText());
      return;
    }
    case 'version':
      process.stdout.write(`${versionText()}\n`);
      return;
    case 'daemon': {
      settleTimezone(env);
      // The daemon's parts take ten times as long to load as all else here.
      const { runDaemon } = await import('./run-daemon.ts');
      await runDaemon(wish.options, env);
    }
  }
}
