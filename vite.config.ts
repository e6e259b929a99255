import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { contentSecurityPolicy, modelHosts } from './scripts/security-headers.ts';

/** Writes the policy into the built page; the development server needs inline styles and a socket, so it goes without. */
function policyInPage(): Plugin {
  return {
    name: 'policy-in-page',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy(modelHosts(), 'meta') },
        injectTo: 'head-prepend',
      },
    ],
  };
}

export default defineConfig({
  // Relative addresses everywhere: dist/ works from any folder of any static host.
  base: './',
  plugins: [
    svelte(),
    policyInPage(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src/app',
      filename: 'offline.sw.ts',
      // The page registers it itself, through its own Trusted Types policy (src/app/offline.svelte.ts).
      injectRegister: false,
      manifest: false,
      injectManifest: {
        globPatterns: ['**/*.{html,js,css,wasm,woff2,svg,png,webmanifest}', 'databases/*'],
        // A model is fetched when it is asked for and kept in a cache of its own (src/engine).
        globIgnores: ['models/**'],
        // sql.js and the web-llm chunk are larger than Workbox's 2 MiB.
        maximumFileSizeToCacheInBytes: 16 * 1024 * 1024,
      },
    }),
  ],
  build: {
    target: 'es2023',
    // Every browser with WebGPU knows modulepreload; a data: font or script would need a hole in the policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 8192,
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
});
