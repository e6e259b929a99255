import type { Component } from 'svelte';
import { WorkerDatabase } from '../database/worker-database.ts';
import type { Benchmark } from './benchmark/benchmark.svelte.ts';
import { Model } from './model.svelte.ts';
import { Offline } from './offline.svelte.ts';
import { databaseProblem, type Problem } from './problem.ts';
import { RepairSwitches } from './repair-choice.svelte.ts';
import { fetchSample, loadSamples, type ExampleQuestion, type Sample } from './samples.ts';
import { ThemeChoice } from './theme.svelte.ts';
import { Workspace } from './workspace.svelte.ts';

/** What the Benchmark page is drawn by and what it draws. */
interface BenchmarkParts {
  readonly Page: Component<{ benchmark: Benchmark }>;
  readonly benchmark: Benchmark;
}

/** The whole page: the start page while no database is open, then the workspace; beside them the benchmark. */
export class Tabletalk {
  readonly model = new Model();
  readonly theme = new ThemeChoice();
  readonly offline = new Offline();
  readonly repairs = new RepairSwitches();

  samples = $state.raw<readonly Sample[]>([]);
  workspace = $state.raw<Workspace | null>(null);
  /** The name of what is being opened. */
  opening = $state<string | null>(null);
  problem = $state.raw<Problem | null>(null);
  #database: WorkerDatabase | undefined;
  #openings = 0;
  #benchmark: Promise<BenchmarkParts> | undefined;

  async begin(): Promise<void> {
    void this.model.check();
    void this.offline.register();
    try {
      this.samples = await loadSamples();
    } catch (error) {
      this.problem = {
        message: 'The list of sample databases could not be read.',
        nextStep: 'Open a database of your own, or check the connection and reload.',
        detail: String(error),
      };
    }
  }

  async openSample(sample: Sample): Promise<void> {
    await this.#open(sample.title, `sample:${sample.id}`, sample.questions, () => fetchSample(sample));
  }

  async openFile(file: File): Promise<void> {
    await this.#open(file.name, `file:${file.name}:${file.size}`, [], async () => new Uint8Array(await file.arrayBuffer()));
  }

  /**
   * The benchmark, fetched when it is first asked for: who comes to ask a database need not wait for the evaluator. It stays while the page
   * is open, with what was dropped in. Rejects where it cannot be fetched; the next call tries again.
   */
  loadBenchmark(): Promise<BenchmarkParts> {
    this.#benchmark ??= Promise.all([import('./benchmark/benchmark-page.svelte'), import('./benchmark/benchmark.svelte.ts')])
      .then(([page, state]) => ({ Page: page.default, benchmark: new state.Benchmark(this.model, this.repairs) }))
      .catch((error: unknown) => {
        this.#benchmark = undefined;
        throw error;
      });
    return this.#benchmark;
  }

  async leave(): Promise<void> {
    this.workspace?.close();
    this.workspace = null;
    this.problem = null;
    await this.#database?.close();
    this.#database = undefined;
  }

  async #open(name: string, key: string, examples: readonly ExampleQuestion[], read: () => Promise<Uint8Array>): Promise<void> {
    const turn = ++this.#openings;
    this.opening = name;
    this.problem = null;
    const database = new WorkerDatabase();
    try {
      const opened = await database.open(await read());
      if (turn !== this.#openings) return void database.close();
      if (!opened.ok) {
        this.problem = { ...databaseProblem(opened.error), message: `${name}: ${opened.error.message}` };
        return void database.close();
      }
      await this.leave();
      this.#database = database;
      this.workspace = new Workspace({ name, key, examples, schema: opened.value }, database, this.model, this.repairs);
    } catch (error) {
      this.problem = {
        message: `${name} could not be read.`,
        nextStep: 'If it lies on a network or was moved since, choose it again; if it is a sample, check the connection.',
        detail: String(error),
      };
    } finally {
      if (turn === this.#openings) this.opening = null;
    }
  }
}
