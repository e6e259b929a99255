import type { Dataset } from '../../evaluation/dataset.ts';
import type { Files, FilesError } from '../../evaluation/zip.ts';
import type { Result } from '../../result.ts';
import type { PlannedExample } from '../../storage/benchmark-runs.ts';
import type { Problem } from '../problem.ts';
import { fingerprint } from './fingerprint.ts';
import { openBenchmark } from './open-benchmark.ts';
import { databaseChoices, planQuestions, type DatabaseChoice } from './plan-run.ts';

/** The benchmark that is open, and which of its questions to ask a model. */
export class OpenedDataset {
  /** What is being read. */
  opening = $state<string | null>(null);
  name = $state('');
  dataset = $state.raw<Dataset | null>(null);
  /** The databases whose questions a run asks. */
  chosen = $state.raw<readonly string[]>([]);
  /** Only so many questions; null for all. */
  limit = $state<number | null>(null);

  readonly databases: readonly DatabaseChoice[] = $derived(this.dataset === null ? [] : databaseChoices(this.dataset));
  readonly fingerprint = $derived(this.dataset === null ? null : fingerprint(this.dataset));
  /** The questions that a run of a model would ask. */
  readonly planned: readonly PlannedExample[] = $derived(this.dataset === null ? [] : planQuestions(this.dataset, this.chosen, this.limit));
  #openings = 0;

  /** Opens a benchmark in place of the one that is open, which stays where the new one cannot be read. Returns why, or null. */
  async open(name: string, read: () => Promise<Result<Files, FilesError>>): Promise<Problem | null> {
    const turn = ++this.#openings;
    this.opening = name;
    const dataset = await openBenchmark(name, read);
    if (turn !== this.#openings) return null;
    this.opening = null;
    if (!dataset.ok) return dataset.error;
    this.dataset = dataset.value;
    this.name = name;
    this.limit = null;
    this.chooseAll(true);
    return null;
  }

  close(): void {
    this.#openings++;
    this.opening = null;
    this.dataset = null;
  }

  choose(databaseId: string, isChosen: boolean): void {
    const others = this.chosen.filter((id) => id !== databaseId);
    this.chosen = isChosen ? [...others, databaseId] : others;
  }

  chooseAll(isChosen: boolean): void {
    this.chosen = isChosen ? this.databases.filter(({ present }) => present).map(({ id }) => id) : [];
  }
}
