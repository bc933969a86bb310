import { defineConfig } from 'vitest/config';

/** The tests of the container image: scripts/test-image.ts builds it and names the Docker engine. */
export default defineConfig({
  test: {
    include: ['test/image/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
