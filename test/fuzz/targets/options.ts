import { readCommandLine } from '../../../src/cli/command-line.ts';
import { usageText } from '../../../src/cli/usage-error.ts';
import { StartError } from '../../../src/errors.ts';
import { type FuzzTarget, pureTrial, refusalOf } from '../support/target.ts';

/** Words of a command line, with a line end between them; those of the form `ORB_WORKER_X=y` are variables. */
export const target: FuzzTarget = {
  name: 'options',
  limitMs: 500,
  words: [
    ...[
      '\n',
      '--dry-run',
      '-d',
      '-dp',
      '--port',
      '--port=',
      '8071',
      '-p',
      '-1',
      '--host',
      '::',
      '--',
      '-',
      '-h',
      '-V',
    ],
    ...[
      '--diode-target',
      'grpc://x',
      '-t',
      '-c',
      '-k',
      '${SECRET}',
      '${',
      '--d',
      '--diode',
      '=',
      '--log-level',
      'warn',
    ],
    ...[
      '--run-timeout',
      '90s',
      '--concurrency',
      '--api-token',
      'file:/nowhere',
      '--allow-env',
      '*',
      '--tls-cert',
      ':',
    ],
    ...[
      'ORB_WORKER_PORT=',
      'ORB_WORKER_DRY_RUN=true',
      'ORB_WORKER_DIODE_TARGET=',
      'ORB_WORKER_API_TOKEN=',
      'TZ=',
    ],
  ],
  open: async () => pureTrial(tryLine),
};

function tryLine(input: Buffer): void {
  const words = input.toString().split('\n');
  const isVariable = (word: string): boolean => /^[A-Z_]+=/.test(word);
  const env = Object.fromEntries(words.filter(isVariable).map((word) => word.split(/=(.*)/s, 2)));
  const argv = words.filter((word) => !isVariable(word));
  const refusal = refusalOf(() => readCommandLine(argv, env), StartError);
  if (refusal === undefined) return;
  if (refusal.exitStatus !== 2) throw refusal;
  const lines = usageText(refusal.message, 'orb-worker', '[options]').split('\n').length - 1;
  if (lines !== 2) throw new Error(`a usage error of ${lines} lines`);
}
