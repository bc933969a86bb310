// Shows the daemon at work on this machine: `npm run demo`, or `npm run demo -- --once` to stop afterwards.
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { styleText } from 'node:util';
import { DemoDaemon } from './demo/daemon.ts';
import { readEntities } from './demo/entities.ts';
import { describeEntities } from './demo/report.ts';

const policyName = 'this-machine';
const policy = `policies:
  ${policyName}:
    config:
      package: host
    scope:
      site: Home
      role: server
      tags: [demo]
`;

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function main(): Promise<void> {
  const once = process.argv.slice(2).includes('--once');
  const stopRequested = new Promise<void>((resolve) => {
    for (const signal of stopSignals) process.once(signal, resolve);
  });
  const outputDir = mkdtempSync(path.join(tmpdir(), 'orb-worker-demo-'));
  const daemon = await DemoDaemon.start(['--dry-run', '--dry-run-output-dir', outputDir]);
  try {
    const shown = show(daemon, outputDir);
    const isShown = await Promise.race([shown.then(() => true), stopRequested.then(() => false)]);
    if (once || !isShown) return;
    say('', 'The daemon goes on. Press Ctrl-C to stop it.');
    await Promise.race([stopRequested, daemon.ended]);
  } finally {
    await daemon.stop();
  }
}

async function show(daemon: DemoDaemon, outputDir: string): Promise<void> {
  say(
    `The daemon listens on ${daemon.url} and sends nothing:`,
    'this is a dry run, its entities become files.',
  );
  heading('Started by');
  say(daemon.command);

  const applied = await daemon.apply(policy);
  heading('A policy, applied as you would do it');
  say(curlCommand(daemon.url), '', applied);

  const run = await daemon.finishedRun(policyName);
  const files = readdirSync(outputDir).map((name) => path.join(outputDir, name));
  heading(`Its run ${run.status}: ${run.entity_count} entities, in`);
  say(...files);

  heading('What was found on this machine');
  say(describeEntities(readEntities(files.map((file) => readFileSync(file, 'utf8')))));

  heading('Look around');
  say(
    `  ${daemon.url}/api/v1/status  policies and their latest runs`,
    `  ${daemon.url}/api/v1/runs    every run, newest first`,
    `  ${daemon.url}/docs           all routes`,
  );
}

/** Not indented, so that a shell finds the end of the document. */
function curlCommand(url: string): string {
  return `curl -H 'Content-Type: application/x-yaml' --data-binary @- \\
  ${url}/api/v1/policies <<'END'
${policy}END`;
}

function heading(text: string): void {
  say('', styleText('bold', text), '');
}

function say(...lines: string[]): void {
  console.log(lines.join('\n'));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
