import { defineConfig } from 'vitest/config';

/** The tests of the container image: scripts/test-image.ts builds it and names the Docker engine. */
export default defineConfig({
  test: {
    include: ['test/image/**/*.test.ts'],
    fileParallelism: false,
    // Docker itself, on a machine that builds and boots at the same time, is late now and then.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
