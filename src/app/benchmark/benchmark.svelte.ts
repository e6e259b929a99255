import { WorkerDatabase } from '../../database/worker-database.ts';
import type { Dataset } from '../../evaluation/dataset.ts';
import { readPredictionLines } from '../../evaluation/predictions.ts';
import { bootstrapInterval, type Interval } from '../../evaluation/statistics.ts';
import { summarize } from '../../evaluation/summary.ts';
import { zipFiles, type Files, type FilesError } from '../../evaluation/zip.ts';
import { success, type Result } from '../../result.ts';
import type { BenchmarkResult, BenchmarkRun, KeptRun, PlannedExample, RunSource } from '../../storage/benchmark-runs.ts';
import type { Model } from '../model.svelte.ts';
import type { Problem } from '../problem.ts';
import type { RepairSwitches } from '../repair-choice.svelte.ts';
import { askModel, readyModel } from './ask-model.ts';
import { chosenFolder, droppedFolder } from './folder-files.ts';
import { inOnlyTab } from './only-tab.ts';
import { isArchive } from './open-benchmark.ts';
import { OpenedDataset } from './opened-dataset.svelte.ts';
import { inPlanOrder, leftToDo, planPredictions } from './plan-run.ts';
import { ResultBatches } from './result-batches.ts';
import { RunArchive } from './run-archive.svelte.ts';
import { runBenchmark, takePrediction, type Predict } from './run-benchmark.ts';

/** Of fewer questions the bootstrap is too sure: all right, and it says 100 to 100%. */
const leastForInterval = 20;

/** The Benchmark page: the benchmark that was dropped in, the run on screen, the runs kept in this browser. */
export class Benchmark {
  readonly opened = new OpenedDataset();
  readonly archive = new RunArchive();
  readonly model: Model;
  readonly repairs: RepairSwitches;

  problem = $state.raw<Problem | null>(null);
  /** What a run had to leave out. */
  leftOut = $state.raw<readonly Problem[]>([]);
  run = $state.raw<BenchmarkRun | null>(null);
  /** In the order of the run's plan. */
  results = $state.raw<readonly BenchmarkResult[]>([]);
  running = $state(false);
  /** What the model is writing. */
  writing = $state.raw<{ readonly question: string; readonly sql: string } | null>(null);
  secondsLeft = $state<number | null>(null);

  readonly summary = $derived(summarize(this.results));
  /** The 95% interval of the share right by execution; null while it changes, and of few questions. */
  readonly interval: Interval | null = $derived(
    this.running || this.summary.n < leastForInterval
      ? null
      : bootstrapInterval(this.results.flatMap(({ exec }) => (exec === null ? [] : [exec]))),
  );
  readonly total = $derived(this.run?.plan.length ?? 0);
  readonly finished = $derived(this.run !== null && this.results.length >= this.total);
  /** Whether the benchmark that is open is the one that the run on screen was begun with. */
  readonly fits = $derived(this.run !== null && this.opened.fingerprint === this.run.dataset);

  #running: AbortController | undefined;

  constructor(model: Model, repairs: RepairSwitches) {
    this.model = model;
    this.repairs = repairs;
    void this.archive.refresh();
  }

  /** Takes what was dropped: Spider as an archive or a folder, or a predictions file. Call it while the drop is being handled. */
  async drop(transfer: DataTransfer): Promise<void> {
    // Both lists are emptied as soon as the event is over.
    const dropped = [...transfer.items].flatMap((item) => (item.kind === 'file' ? (item.webkitGetAsEntry() ?? []) : []));
    const [first] = transfer.files;
    if (dropped.length > 1 || dropped.some((entry) => entry.isDirectory)) {
      await this.#open(dropped[0]?.name ?? 'the folder', async () => success(await droppedFolder(dropped)));
    } else if (first) await this.openFile(first);
  }

  /** An archive or a predictions file, told apart by how it begins. */
  async openFile(file: File): Promise<void> {
    if (await isArchive(file)) await this.openZip(file);
    else if (/\.(?:jsonl|ndjson|json|txt)$/i.test(file.name)) await this.importPredictions(file);
    else {
      this.problem = {
        message: `${file.name} is neither a ZIP archive nor a predictions file.`,
        nextStep: 'Drop in Spider as its zip or its folder, or predictions as .jsonl, one JSON object a line.',
      };
    }
  }

  async openZip(file: File): Promise<void> {
    await this.#open(file.name, () => zipFiles(file));
  }

  async openFolder(files: readonly File[]): Promise<void> {
    const [first] = files;
    if (!first) return;
    await this.#open(first.webkitRelativePath.split('/')[0] ?? first.name, () => Promise.resolve(success(chosenFolder(files))));
  }

  closeDataset(): void {
    this.stop();
    this.opened.close();
    this.problem = null;
  }

  async runModel(): Promise<void> {
    const { chosen } = this.model;
    if (!chosen) return;
    const { id, cardSha256, title } = chosen;
    const { repair, habits } = this.repairs;
    await this.#begin({ kind: 'model', id, cardSha256, title, repair, habits: repair && habits }, this.opened.planned);
  }

  async importPredictions(file: File): Promise<void> {
    if (this.running) {
      this.problem = {
        message: `A run is going on, so ${file.name} was not read.`,
        nextStep: 'Stop it or let it end, then choose the file again.',
      };
      return;
    }
    const { dataset } = this.opened;
    if (dataset === null) {
      this.problem = {
        message: 'Predictions need the benchmark they were made for.',
        nextStep: `Drop in Spider, then ${file.name} again.`,
      };
      return;
    }
    let text: string;
    try {
      text = await file.text();
    } catch (error) {
      this.problem = { message: `${file.name} could not be read.`, nextStep: 'Choose it again.', detail: String(error) };
      return;
    }
    const read = readPredictionLines(text, file.name);
    const planned = read.ok ? planPredictions(dataset, read.value, file.name) : read;
    if (!planned.ok) {
      this.problem = planned.error;
      return;
    }
    const { plan, unknown } = planned.value;
    await this.#begin({ kind: 'predictions', file: file.name }, plan, unknown === 0 ? [] : [outsideDataset(unknown)]);
  }

  /** Goes on with the run on screen; needs the benchmark it was begun with. */
  async resume(): Promise<void> {
    const { run, running: isRunning } = this;
    const { dataset } = this.opened;
    if (run === null || dataset === null || isRunning || !this.fits) return;
    this.problem = null;
    this.leftOut = [];
    const running = new AbortController();
    this.#running = running;
    this.running = true;
    try {
      const isHere = await inOnlyTab(run.id, () => this.#goOn(run, dataset, running.signal));
      if (!isHere) {
        this.problem = { message: 'This run goes on in another tab.', nextStep: 'Stop it there, then press Resume.' };
      }
    } catch (error) {
      this.problem = {
        message: 'The run stopped at something unforeseen.',
        nextStep: 'What is done is kept: press Resume; if it stops again, reload the page.',
        detail: String(error),
      };
    } finally {
      this.running = false;
      this.writing = null;
      this.secondsLeft = null;
    }
    await this.archive.refresh();
  }

  /** Stops; what is done stays. */
  stop(): void {
    this.#running?.abort();
  }

  /** Puts a kept run on screen. */
  async show({ run }: KeptRun): Promise<void> {
    if (this.running) return;
    const results = await this.archive.read(run);
    this.problem = null;
    this.leftOut = [];
    this.run = run;
    this.results = inPlanOrder(run, results);
  }

  /** Deletes a kept run; `archive.restore` brings it back. */
  async forget({ run }: KeptRun): Promise<void> {
    const isShown = this.run?.id === run.id;
    if (isShown && this.running) return;
    if (!(await this.archive.delete(run))) {
      this.problem = { message: 'This browser did not let the run be deleted.', nextStep: 'Reload the page, then delete it again.' };
    } else if (isShown) this.run = null;
  }

  async #open(name: string, read: () => Promise<Result<Files, FilesError>>): Promise<void> {
    this.problem = null;
    const before = this.opened.dataset;
    this.problem = await this.opened.open(name, read);
    if (this.opened.dataset !== before) this.stop();
  }

  async #begin(source: RunSource, plan: readonly PlannedExample[], leftOut: readonly Problem[] = []): Promise<void> {
    const dataset = this.opened.fingerprint;
    if (dataset === null || this.running || plan.length === 0) return;
    const startedAt = Date.now();
    const id = `${startedAt.toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}`;
    this.run = { id, startedAt, source, dataset, plan: [...plan] };
    this.results = [];
    await this.archive.add(this.run, []);
    await this.resume();
    this.leftOut = [...leftOut, ...this.leftOut];
  }

  async #goOn(run: BenchmarkRun, dataset: Dataset, signal: AbortSignal): Promise<void> {
    const { source } = run;
    // Another tab may have gone on with it since it was shown.
    this.results = inPlanOrder(run, await this.archive.read(run));
    void this.archive.refresh();
    if (source.kind === 'model') {
      const problem = await readyModel(this.model, source, signal);
      if (signal.aborted) return;
      if (problem !== null) {
        this.problem = problem;
        return;
      }
    }
    const left = leftToDo(run, this.results);
    const began = performance.now();
    let done = 0;
    const saving: Promise<void>[] = [];
    const batches = new ResultBatches((batch) => {
      done += batch.length;
      this.results = inPlanOrder(run, [...this.results, ...batch]);
      this.secondsLeft = ((performance.now() - began) / 1000 / done) * (left.length - done);
      saving.push(this.archive.add(run, batch));
    });
    const onSql = (question: string, sql: string): void => {
      // What the model still says after it was stopped belongs to nothing.
      if (!signal.aborted) this.writing = { question, sql };
    };
    const ended = await runBenchmark(dataset, left, {
      newDatabase: () => new WorkerDatabase(),
      predictor: (database, schema): Promise<Predict> =>
        source.kind === 'predictions'
          ? Promise.resolve(takePrediction)
          : askModel(this.model, database, schema, { ...source, signal, onSql }),
      signal,
      onResult: (result) => {
        batches.add(result);
      },
      onLeftOut: (problem) => (this.leftOut = [...this.leftOut, problem]),
    });
    batches.flush();
    await Promise.all(saving);
    if (!ended.ok && ended.error.stopped !== true) {
      this.problem = { ...ended.error, nextStep: `${ended.error.nextStep} What is done is kept: press Resume to go on.` };
    }
  }
}

function outsideDataset(count: number): Problem {
  return {
    message: `${String(count)} of the predictions are for questions that this dev.json does not have, and were left out.`,
    nextStep: 'Drop in the whole of Spider to have them scored.',
  };
}
