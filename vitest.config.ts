import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { browserArguments, findChromium } from './scripts/find-chromium.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          environment: 'node',
          include: ['{src,cli,scripts}/**/*.test.ts'],
          // A busy machine is not a broken program.
          testTimeout: 30_000,
          exclude: ['**/*.svelte.test.ts', '**/*.browser.test.ts', '**/node_modules/**'],
        },
      },
      {
        plugins: [svelte()],
        // Imported by a worker only, where the scan does not look: found late, it would reload a test in its middle.
        optimizeDeps: { include: ['@mlc-ai/web-llm'] },
        test: {
          name: 'browser',
          include: ['src/**/*.svelte.test.ts', 'src/**/*.browser.test.ts'],
          // Two cores and a software GPU: generous, so that a slow machine is not read as a broken program.
          testTimeout: 60_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: findChromium() ?? '', args: [...browserArguments] } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['tests/e2e/**/*.spec.ts'],
          // One browser at a time: SwiftShader takes every core it finds.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
