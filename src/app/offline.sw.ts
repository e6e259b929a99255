/**
 * The service worker: keeps the page, sql.js and the sample databases, so that they open with the server gone. Models are not its
 * business: they lie in a cache of their own (src/engine/model-store.ts), and their requests pass by.
 *
 * A new version waits until the person takes it or every tab is closed; then, and only then, the old files go.
 */
import { precacheAndRoute, type PrecacheEntry } from 'workbox-precaching';

declare const self: ServiceWorkerGlobalScope & { readonly __WB_MANIFEST: readonly (PrecacheEntry | string)[] };

precacheAndRoute([...self.__WB_MANIFEST]);

self.addEventListener('message', (event) => {
  if (event.data !== 'take over') return;
  const answer = event.ports[0];
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
      // Other tabs still need the old version's files: they would break at their next lazy import.
      if (pages.length > 1) answer?.postMessage('other tabs');
      else await self.skipWaiting();
    })(),
  );
});
