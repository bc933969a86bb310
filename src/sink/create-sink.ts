import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { DaemonOptions } from '../options.ts';
import type { Secrets } from '../secrets.ts';
import type { Sink } from './contract.ts';
import { parseTarget } from './target.ts';

interface Parts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly secrets: Secrets;
}

/**
 * The one sink that the options ask for: dry run; Diode, when there are credentials; OTLP logs, when there are
 * none (sheet: Command line). Each kind is loaded only when it is the one.
 */
export async function createSink(options: DaemonOptions, parts: Parts): Promise<Sink> {
  const common = { ...parts, appNamePrefix: options.diodeAppNamePrefix };
  if (options.dryRun) {
    const { createDryRunSink } = await import('./dry-run/create-dry-run-sink.ts');
    return createDryRunSink({ ...common, outputDir: options.dryRunOutputDir, stdout: process.stdout });
  }
  const target = parseTarget(options.diodeTarget ?? '');
  const { diodeClientId: clientId, diodeClientSecret: clientSecret } = options;
  if (clientId !== undefined && clientSecret !== undefined) {
    const { createDiodeSink } = await import('./diode/create-diode-sink.ts');
    return createDiodeSink({ ...common, target, clientId, clientSecret });
  }
  const { createOtlpSink } = await import('./otlp/create-otlp-sink.ts');
  return createOtlpSink({ ...common, target });
}
