import { loadCatalogue, type CatalogueEntry } from '../engine/catalogue.ts';
import { detectSupport, type DeviceSupport } from '../engine/device-support.ts';
import type { Engine, LoadProgress } from '../engine/engine.ts';
import { deleteModel, listCachedModels, type CachedModel } from '../engine/model-store.ts';
import { WebLlmEngine } from '../engine/webllm-engine.ts';
import { readChosenModel, writeChosenModel } from '../storage/chosen-model.ts';
import type { AskContext } from '../text-to-sql/answer.ts';
import { engineProblem, type Problem } from './problem.ts';

/**
 * - `unsupported`: no model runs in this browser; everything else does.
 * - `offered`: there is a model, and the person has not asked for it yet.
 */
export type ModelStatus = 'checking' | 'unsupported' | 'none' | 'offered' | 'loading' | 'ready' | 'failed';

/** The language model of this page: whether it can run, its download, the copies kept in this browser. */
export class Model {
  status = $state<ModelStatus>('checking');
  /** Why there is no model, with `unsupported`, `none` and `failed`. */
  problem = $state.raw<Problem | null>(null);
  progress = $state.raw<LoadProgress | null>(null);
  /** The models of this page, then what was added or kept in this browser. */
  choices = $state.raw<readonly CatalogueEntry[]>([]);
  /** Folders of the page's list that could not be read, with the reason. */
  leftOut = $state.raw<readonly { readonly folder: string; readonly problem: Problem }[]>([]);
  chosen = $state.raw<CatalogueEntry | null>(null);
  cached = $state.raw<readonly CachedModel[]>([]);
  support = $state.raw<DeviceSupport | null>(null);
  /** True once the person may write, though the model is still being read from this browser's storage. */
  readonly isCached = $derived(this.cached.some((model) => model.complete && model.id === this.chosen?.id));

  readonly engine: Engine<CatalogueEntry>;
  #loading: AbortController | undefined;
  #priming: AbortController | undefined;
  #prefix: string | undefined;
  #whenSettled: (() => void)[] = [];

  constructor() {
    this.engine = new WebLlmEngine({
      onLost: (error) => {
        this.problem = engineProblem(error);
        this.#become('failed');
      },
    });
  }

  /** How the chosen model is shown a schema, and how much of one. */
  get askSettings(): Required<Pick<AskContext, 'style' | 'schemaBudget'>> {
    const {
      promptStyle,
      contextWindow,
      // The rest is for the question, its cells and the answer.
      schemaBudget = Math.min(1500, contextWindow - 500),
    } = this.chosen ?? { promptStyle: 'compact', contextWindow: 2048 };
    return { style: promptStyle, schemaBudget };
  }

  /** Looks at the browser and the catalogue; downloads nothing large. */
  async check(): Promise<void> {
    this.#become('checking');
    this.problem = null;
    const [support] = await Promise.all([detectSupport(), this.refreshCached()]);
    if (!support.ok) {
      this.problem = engineProblem(support.error);
      this.#become('unsupported');
      return;
    }
    this.support = support.value;
    const complete = (): readonly CatalogueEntry[] => this.cached.filter((model) => model.complete).map((model) => model.entry);
    this.leftOut = [];
    const catalogue = await loadCatalogue(document.baseURI, {
      cached: () => Promise.resolve(complete()),
      onLeftOut: (folder, error) => (this.leftOut = [...this.leftOut, { folder, problem: engineProblem(error) }]),
    });
    if (!catalogue.ok || (catalogue.value.length === 0 && complete().length === 0)) {
      this.problem = catalogue.ok
        ? { message: 'This copy of Tabletalk has no language model.', nextStep: 'Write SQL yourself; everything else works.' }
        : engineProblem(catalogue.error);
      this.#become('none');
      return;
    }
    const known = catalogue.value.map((entry) => entry.id);
    this.choices = [...catalogue.value, ...complete().filter((entry) => !known.includes(entry.id))];
    const kept = complete().map((entry) => entry.id);
    const last = readChosenModel();
    const find = (suits: (entry: CatalogueEntry) => boolean): CatalogueEntry | undefined => this.choices.find(suits);
    this.chosen = find(({ id }) => id === last) ?? find(({ id }) => kept.includes(id)) ?? this.choices[0] ?? null;
    this.#become('offered');
  }

  /** Downloads what is missing, and loads. Resolves when the model is ready or it is clear that it will not be. */
  async load(): Promise<void> {
    const model = this.chosen;
    if (!model || this.status === 'loading' || this.status === 'ready') return;
    const loading = new AbortController();
    this.#loading = loading;
    this.problem = null;
    this.progress = null;
    this.#become('loading');
    const loaded = await this.engine.load(model, { onProgress: (progress) => (this.progress = progress), signal: loading.signal });
    void this.refreshCached();
    if (loaded.ok) {
      this.#become('ready');
      this.#primeNow();
      // Asked for only now, when there is something worth keeping; what the browser answers changes nothing here.
      void askToKeep();
      return;
    }
    this.problem = engineProblem(loaded.error);
    this.#become(loaded.error.code === 'aborted' ? 'offered' : 'failed');
  }

  /** Loads without being asked where that costs no download. */
  async loadIfCached(): Promise<void> {
    if (this.status === 'checking') await this.settled();
    if (this.status === 'offered' && this.isCached) await this.load();
  }

  cancel(): void {
    this.#loading?.abort();
  }

  async choose(model: CatalogueEntry): Promise<void> {
    if (model.cardSha256 === this.chosen?.cardSha256) return;
    this.cancel();
    await this.engine.unload();
    this.chosen = model;
    this.problem = null;
    this.#become('offered');
  }

  /** Takes a model into the list, in the place of another version of it. */
  offer(model: CatalogueEntry): void {
    const others = this.choices.filter(({ id }) => id !== model.id);
    this.choices =
      this.choices.length === others.length ? [...others, model] : this.choices.map((entry) => (entry.id === model.id ? model : entry));
  }

  /** Chooses a model, remembers it for the next visit, and loads it. */
  async use(model: CatalogueEntry): Promise<void> {
    this.offer(model);
    await this.choose(model);
    writeChosenModel(model.id);
    await this.load();
  }

  /** Feeds the schema of the database that was opened, now or as soon as the model is ready. */
  prime(prefix: string): void {
    this.#prefix = prefix;
    if (this.status === 'ready') this.#primeNow();
  }

  /** Resolves when `status` is neither `checking` nor `loading`. */
  settled(): Promise<void> {
    if (this.status !== 'checking' && this.status !== 'loading') return Promise.resolve();
    return new Promise((resolve) => this.#whenSettled.push(resolve));
  }

  async refreshCached(): Promise<void> {
    this.cached = await listCachedModels();
  }

  /** Deletes what this browser keeps of a model; returns why it could not. */
  async remove(id: string): Promise<Problem | null> {
    if (this.chosen?.id === id) {
      this.cancel();
      await this.engine.unload();
    }
    const removed = await deleteModel(id);
    await this.refreshCached();
    if (!removed.ok) return engineProblem(removed.error);
    // What was imported is gone for good; what was linked or came from a hub is found again where it was found before.
    this.choices = this.choices.filter((entry) => entry.id !== id || entry.origin === 'published');
    if (this.chosen?.id !== id || this.status === 'unsupported') return null;
    this.chosen = this.choices.find((entry) => entry.id === id) ?? this.choices[0] ?? null;
    this.#become(this.chosen ? 'offered' : 'none');
    return null;
  }

  #primeNow(): void {
    if (this.#prefix === undefined) return;
    this.#priming?.abort();
    this.#priming = new AbortController();
    // A head start only: a question that comes first takes over, and one that finds nothing primed feeds the schema itself.
    void this.engine.prime(this.#prefix, { signal: this.#priming.signal });
  }

  #become(status: ModelStatus): void {
    this.status = status;
    if (status === 'checking' || status === 'loading') return;
    const waiting = this.#whenSettled;
    this.#whenSettled = [];
    for (const wake of waiting) wake();
  }
}

async function askToKeep(): Promise<void> {
  try {
    await (navigator.storage as StorageManager | undefined)?.persist();
  } catch {
    return; // Refused storage: the model was loaded all the same.
  }
}
