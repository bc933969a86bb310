import { StartError } from '../errors.ts';
import { DIODE_SDK_VERSION, readVersion } from '../version.ts';
import { readCommandLine, type Wish } from './command-line.ts';
import { usageText } from './usage-error.ts';

/**
 * The program: does what its command line asks for. Sets the process's exit status; a daemon that was started ends
 * the process itself.
 */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await grant(readCommandLine(argv, env), env);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(usageText(error.message));
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
      process.stdout.write(`Orb Worker version: ${readVersion()}, Diode SDK version: ${DIODE_SDK_VERSION}\n`);
      return;
    case 'daemon': {
      // The daemon's parts take ten times as long to load as all else here.
      const { runDaemon } = await import('./run-daemon.ts');
      await runDaemon(wish.options, env);
    }
  }
}
