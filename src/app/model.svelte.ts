import { loadCatalogue, type CatalogueEntry } from '../engine/catalogue.ts';
import { detectSupport, type DeviceSupport } from '../engine/device-support.ts';
import type { Engine, LoadProgress } from '../engine/engine.ts';
import { deleteModel, listCachedModels, type CachedModel } from '../engine/model-store.ts';
import { WebLlmEngine } from '../engine/webllm-engine.ts';
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
  choices = $state.raw<readonly CatalogueEntry[]>([]);
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
    const catalogue = await loadCatalogue(document.baseURI, { cached: () => Promise.resolve(complete()) });
    if (!catalogue.ok || catalogue.value.length === 0) {
      this.problem = catalogue.ok
        ? { message: 'This copy of Tabletalk has no language model.', nextStep: 'Write SQL yourself; everything else works.' }
        : engineProblem(catalogue.error);
      this.#become('none');
      return;
    }
    this.choices = catalogue.value;
    const kept = complete().map((entry) => entry.id);
    this.chosen = catalogue.value.find((entry) => kept.includes(entry.id)) ?? catalogue.value[0] ?? null;
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
    this.#become('offered');
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

  async remove(id: string): Promise<void> {
    if (this.chosen?.id === id) {
      this.cancel();
      await this.engine.unload();
    }
    const removed = await deleteModel(id);
    await this.refreshCached();
    if (!removed.ok) this.problem = engineProblem(removed.error);
    else if (this.chosen?.id === id && this.status !== 'unsupported') this.#become('offered');
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
