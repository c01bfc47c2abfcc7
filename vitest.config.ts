import { defineConfig } from 'vitest/config';

export const config = defineConfig({
  test: {
    include: ['test/{unit,engine,webview}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});

export default config;
