import { StartError } from '../errors.ts';
import { DIODE_SDK_VERSION, readVersion } from '../version.ts';
import { readArgv } from './argv.ts';
import { argvFlags, HELP, helpText, parseFlags, VERSION } from './program.ts';
import { readOptions } from './read-options.ts';
import { usageError, usageText } from './usage-error.ts';

/**
 * The program: reads the command line and does what it asks for. Sets the process's exit status; a daemon that was
 * started ends the process itself.
 */
export async function runCli(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const { accepted, endedBy, fault } = readArgv(argv, argvFlags());
    const given = parseFlags(accepted, env);
    if (endedBy === HELP) return print(helpText());
    if (endedBy === VERSION) return print(versionText());
    if (fault !== undefined) throw usageError(fault);
    const options = readOptions(given, env);
    const { runDaemon } = await import('./run-daemon.ts');
    await runDaemon(options, env);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(usageText(error.message));
    process.exitCode = error.exitStatus;
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

function versionText(): string {
  return `Orb Worker version: ${readVersion()}, Diode SDK version: ${DIODE_SDK_VERSION}\n`;
}
