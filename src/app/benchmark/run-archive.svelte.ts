import {
  deleteRun,
  readResults,
  readRuns,
  saveResults,
  type BenchmarkResult,
  type BenchmarkRun,
  type KeptRun,
} from '../../storage/benchmark-runs.ts';

interface WholeRun {
  readonly run: BenchmarkRun;
  readonly results: readonly BenchmarkResult[];
}

/** The runs and their results, kept in this browser; what it refuses to keep lasts as long as the tab. */
export class RunArchive {
  /** Newest first. */
  kept = $state.raw<readonly KeptRun[]>([]);
  /** Set while there are results that the browser refused to keep. */
  notKept = $state(false);
  /** What was deleted last, until something else is. */
  deleted = $state.raw<WholeRun | null>(null);
  // Never drawn itself: what is drawn is read from it.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  readonly #refused = new Map<string, WholeRun>();
  #adding: Promise<void> = Promise.resolve();

  /** Adds results to a run; with none it keeps the run itself. One after the other: what was refused goes with the next. */
  add(run: BenchmarkRun, results: readonly BenchmarkResult[]): Promise<void> {
    this.#adding = this.#adding.then(() => this.#add(run, results));
    return this.#adding;
  }

  async read(run: BenchmarkRun): Promise<BenchmarkResult[]> {
    const stored = await readResults(run);
    return [...(stored.ok ? stored.value : []), ...(this.#refused.get(run.id)?.results ?? [])];
  }

  /** False where the browser does not let it be deleted. */
  async delete(run: BenchmarkRun): Promise<boolean> {
    const results = await this.read(run);
    const isRefused = this.#refused.has(run.id);
    if (!(await deleteRun(run)).ok && !isRefused) return false;
    this.#refused.delete(run.id);
    this.notKept = this.#refused.size > 0;
    this.deleted = { run, results };
    await this.refresh();
    return true;
  }

  /** Puts back what was deleted last. */
  async restore(): Promise<void> {
    const { deleted } = this;
    if (deleted === null) return;
    this.deleted = null;
    await this.add(deleted.run, deleted.results);
    await this.refresh();
  }

  /** Another tab may have added to the list, too. */
  async refresh(): Promise<void> {
    const stored = await readRuns();
    const kept = stored.ok ? stored.value : [];
    const refused = [...this.#refused.values()].map(({ run, results }) => ({
      run,
      done: results.length + (kept.find((other) => other.run.id === run.id)?.done ?? 0),
    }));
    const others = kept.filter(({ run }) => !this.#refused.has(run.id));
    this.kept = [...others, ...refused].sort((a, b) => b.run.startedAt - a.run.startedAt);
  }

  async #add(run: BenchmarkRun, results: readonly BenchmarkResult[]): Promise<void> {
    const all = [...(this.#refused.get(run.id)?.results ?? []), ...results];
    if ((await saveResults(run, all)).ok) this.#refused.delete(run.id);
    else this.#refused.set(run.id, { run, results: all });
    this.notKept = this.#refused.size > 0;
  }
}
