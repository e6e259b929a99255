import { folderUrl, readLinkedModel, type CatalogueEntry } from '../../engine/catalogue.ts';
import { detectSupport } from '../../engine/device-support.ts';
import { blockedHosts, hostNotAllowed } from '../../engine/fetch-policy.ts';
import { fitDevice, measureRoom, type DeviceRoom } from '../../engine/fit-device.ts';
import { hubEntries } from '../../engine/hub-models.ts';
import { importFolder, type ChosenFolder } from '../../engine/import-folder.ts';
import { fileUrl, totalBytes } from '../../engine/model-card.ts';
import type { CachedModel } from '../../engine/model-store.ts';
import type { Model } from '../model.svelte.ts';
import { engineProblem, type Problem } from '../problem.ts';
import { bytes } from '../words-for.ts';

/** A model as it is listed. */
export interface ShelfRow {
  readonly entry: CatalogueEntry;
  /** What of it, or of another version, is kept in this browser. */
  readonly kept: CachedModel | undefined;
  /** Kept whole, in this very version: nothing needs to be fetched. */
  readonly isHere: boolean;
  /** Why this device cannot run it; null if it can. */
  readonly unfit: Problem | null;
  /** Why this page cannot fetch it; null if it can, or need not. */
  readonly unreachable: Problem | null;
}

/** All models that can be had: what each needs, what this device has, what is kept; adding, importing, deleting. */
export class ModelShelf {
  readonly model: Model;
  room = $state.raw<DeviceRoom | null>(null);
  /** How far an import is, in bytes; null when there is none. */
  importing = $state.raw<{ readonly loadedBytes: number; readonly totalBytes: number } | null>(null);
  looking = $state(false);
  /** What was just done, in a sentence. */
  done = $state('');
  problem = $state.raw<Problem | null>(null);
  #hub = $state.raw<readonly CatalogueEntry[]>([]);
  #stop: AbortController | undefined;

  readonly published = $derived.by(() => this.#rows(this.model.choices.filter(({ origin }) => origin === 'published')));
  readonly hub = $derived.by(() => this.#rows(this.#hub));
  /** Linked, imported, and what the browser kept of models that are no longer listed. */
  readonly added = $derived.by(() => {
    const listed = [...this.published, ...this.hub].map(({ entry }) => entry.id);
    const all = [...this.model.choices, ...this.model.cached.map(({ entry }) => entry)];
    const isFirst = ({ id }: CatalogueEntry, index: number): boolean => all.findIndex((entry) => entry.id === id) === index;
    return this.#rows(all.filter((entry, index) => isFirst(entry, index) && !listed.includes(entry.id)));
  });
  readonly keptBytes = $derived.by(() => this.model.cached.reduce((sum, { bytes: size }) => sum + size, 0));

  constructor(model: Model) {
    this.model = model;
  }

  /** Looks at the device and at what is kept; fetches nothing. */
  async refresh(): Promise<void> {
    const [support] = await Promise.all([detectSupport(), this.model.refreshCached()]);
    this.room = await measureRoom(support);
    // Without a secure context there is neither WebGPU nor hashing.
    if (isSecureContext && this.#hub.length === 0) this.#hub = await hubEntries();
  }

  async use({ entry }: ShelfRow): Promise<void> {
    this.#begin();
    await this.model.use(entry);
    await this.refresh();
  }

  async remove({ entry }: ShelfRow): Promise<void> {
    this.#begin();
    const before = this.keptBytes;
    this.problem = await this.model.remove(entry.id);
    await this.refresh();
    if (!this.problem) this.done = `“${entry.title}” was deleted; ${bytes(before - this.keptBytes)} are free again.`;
  }

  /** Looks for a model folder at an address that was typed. */
  async link(address: string): Promise<void> {
    this.#begin();
    const url = folderUrl(address);
    const blocked = url === undefined ? [] : blockedHosts([url], policy(), document.baseURI);
    if (blocked.length > 0) {
      this.problem = engineProblem(hostNotAllowed(blocked));
      return;
    }
    this.looking = true;
    const found = await readLinkedModel(address);
    this.looking = false;
    if (!found.ok) {
      this.problem = engineProblem(found.error);
      return;
    }
    const own = this.published.find(({ entry }) => entry.cardSha256 === found.value.cardSha256);
    if (own) {
      this.done = `That is “${own.entry.title}”, which comes with this page.`;
      return;
    }
    this.model.offer(found.value);
    this.done = `Found “${found.value.title}”. It is listed under “Added in this browser”.`;
  }

  async import(folder: ChosenFolder): Promise<void> {
    if (this.importing) return;
    this.#begin();
    this.#stop = new AbortController();
    this.importing = { loadedBytes: 0, totalBytes: totalBytes(folder.files.map(({ size }) => ({ bytes: size }))) };
    const imported = await importFolder(folder, {
      published: this.model.choices,
      hub: this.#hub,
      onProgress: (loadedBytes, total) => (this.importing = { loadedBytes, totalBytes: total }),
      signal: this.#stop.signal,
    });
    this.importing = null;
    if (imported.ok) {
      this.model.offer(imported.value);
      const { title, origin } = imported.value;
      const held = origin === 'hub' ? 'its files are held to what they are now' : 'every file is the one that its card describes';
      this.done = `“${title}” was imported: ${held}.`;
    } else {
      this.problem = engineProblem(imported.error);
    }
    await this.refresh();
  }

  stopImport(): void {
    this.#stop?.abort();
  }

  #begin(): void {
    this.done = '';
    this.problem = null;
  }

  #rows(entries: readonly CatalogueEntry[]): readonly ShelfRow[] {
    return entries.map((entry) => {
      const kept = this.model.cached.find(({ id }) => id === entry.id);
      const isHere = kept?.complete === true && kept.entry.cardSha256 === entry.cardSha256;
      const fit = this.room && fitDevice(entry, this.room, kept?.bytes ?? 0);
      return {
        entry,
        kept,
        isHere,
        unfit: fit && !fit.ok ? engineProblem(fit.error) : null,
        unreachable: isHere ? null : whyUnreachable(entry),
      };
    });
  }
}

function whyUnreachable(entry: CatalogueEntry): Problem | null {
  if (entry.origin === 'imported') return { message: 'A part of it is gone from this browser.', nextStep: 'Import its folder again.' };
  const addresses = [entry.url, ...entry.libraries.map((library) => fileUrl(entry, library.file))];
  const hosts = blockedHosts(addresses, policy(), document.baseURI);
  return hosts.length > 0 ? engineProblem(hostNotAllowed(hosts)) : null;
}

/** The policy that the build wrote into the page; none in development. */
function policy(): string | undefined {
  return document.querySelector<HTMLMetaElement>('meta[http-equiv="Content-Security-Policy"]')?.content;
}
