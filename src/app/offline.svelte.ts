import { serviceWorkerUrl, trustedScriptUrl } from '../worker/script-url.ts';

/** Registers the service worker, and offers a new version when there is one. Never reloads by itself. */
export class Offline {
  /** `other-tabs`: a new version waits, but other tabs still use the old one. */
  update = $state<'none' | 'waiting' | 'other-tabs'>('none');
  #waiting: ServiceWorker | null = null;
  #accepted = false;

  async register(): Promise<void> {
    // Plain http on another machine's address has none; the development server has no built one.
    const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
    if (!serviceWorker || !import.meta.env.PROD) return;
    try {
      const url = trustedScriptUrl(serviceWorkerUrl());
      const registration = await serviceWorker.register(url, { updateViaCache: 'none' });
      this.#watch(registration);
    } catch (error) {
      // The page works without; only the next visit needs the network.
      console.info('Tabletalk cannot keep itself for use offline:', error);
    }
    serviceWorker.addEventListener('controllerchange', () => {
      if (this.#accepted) location.reload();
    });
  }

  /** The person wants the new version: it takes over and the page reloads, unless other tabs are open. */
  accept(): void {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      this.#accepted = false;
      this.update = 'other-tabs';
    };
    this.#accepted = true;
    this.#waiting?.postMessage('take over', [channel.port2]);
  }

  dismiss(): void {
    this.update = 'none';
  }

  #watch(registration: ServiceWorkerRegistration): void {
    const offer = (worker: ServiceWorker | null): void => {
      // Without a controller this is the first visit: nothing old to replace.
      if (!worker || !navigator.serviceWorker.controller) return;
      this.#waiting = worker;
      this.update = 'waiting';
    };
    offer(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const { installing } = registration;
      installing?.addEventListener('statechange', () => {
        if (installing.state === 'installed') offer(installing);
      });
    });
  }
}
