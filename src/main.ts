#!/usr/bin/env node
// Imports nothing but what every Node has: an old one must get as far as saying that it is too old.
import module from 'node:module';
import process from 'node:process';

/** Hides what the command line holds, secrets among them, from the list of processes. */
process.title = 'orb-worker';

const version = process.versions.node;
const [major = 0, minor = 0] = version.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`orb-worker needs Node.js 22.18 or later; this is v${version}\n`);
  process.exitCode = 1;
} else {
  // Node's own warnings: stderr is the log's alone.
  process.removeAllListeners('warning');
  module.enableCompileCache();
  const { tuneHeap } = await import('./tune-heap.ts');
  tuneHeap();
  const { runCli } = await import('./cli/run-cli.ts');
  await runCli(process.argv.slice(2), process.env);
}
