import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { STEADY_WASM } from './test/support/steady-wasm.ts';

export default defineConfig({
  resolve: { alias: { 'orb-worker': new URL('./src/index.ts', import.meta.url).pathname } },
  test: {
    include: ['test/**/*.test.ts', 'backends/*/test/**/*.test.ts'],
    exclude: ['test/image/**'],
    setupFiles: ['test/support/property-seed.ts'],
    execArgv: [STEADY_WASM],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Most tests wait for processes and sockets: one file a core keeps the machine at work.
    maxWorkers: Math.max(2, availableParallelism()),
    // Real processes share it with whatever else it does; what needed a second try is named in the output.
    retry: 1,
    // A busy machine may take its time: what is waited for, comes.
    expect: { poll: { timeout: 15_000 } },
  },
});
