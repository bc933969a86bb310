// Nothing of node:sqlite is loaded before Node's own warnings are silent: stderr is the log's alone.
import process from 'node:process';

process.removeAllListeners('warning');
process.on('warning', () => {});

const { serve } = await import('./serve.ts');
serve();
