import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['src/**/*.test.ts', 'test/**/*.test.ts'], testTimeout: 120_000, setupFiles: ['test/engine_setup.ts'], pool: 'forks', passWithNoTests: true },
});
