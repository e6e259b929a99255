import { WorkerDatabase } from '../../database/worker-database.ts';
import type { Dataset } from '../../evaluation/dataset.ts';
import { readPredictionLines } from '../../evaluation/predictions.ts';
import { bootstrapInterval, type Interval } from '../../evaluation/statistics.ts';
import { summarize } from '../../evaluation/summary.ts';
import { zipFiles, type Files, type FilesError } from '../../evaluation/zip.ts';
import { success, type Result } from '../../result.ts';
import {
  deleteRun,
  readResults,
  readRuns,
  saveResults,
  saveRun,
  type BenchmarkResult,
  type BenchmarkRun,
  type KeptRun,
  type PlannedExample,
  type RunSource,
} from '../../storage/benchmark-runs.ts';
import type { Model } from '../model.svelte.ts';
import type { Problem } from '../problem.ts';
import type { RepairSwitches } from '../repair-choice.svelte.ts';
import { modelPredictor } from './ask-model.ts';
import { fingerprint } from './fingerprint.ts';
import { chosenFolder, droppedFolder } from './folder-files.ts';
import { isArchive, openBenchmark } from './open-benchmark.ts';
import { databaseChoices, inPlanOrder, leftToDo, planPredictions, planQuestions, type DatabaseChoice } from './plan-run.ts';
import { runBenchmark, type Predict } from './run-benchmark.ts';

/** Results are drawn and kept at most so often: a thousand scored in seconds are not a thousand drawings of the page. */
const showEveryMs = 300;

/** The Benchmark page: the benchmark that was dropped in, the run on screen, the runs kept in this browser. */
export class Benchmark {
  /** What is being read. */
  opening = $state<string | null>(null);
  datasetName = $state('');
  dataset = $state.raw<Dataset | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** What a run had to leave out. */
  leftOut = $state.raw<readonly Problem[]>([]);
  /** The databases whose questions a run asks. */
  chosen = $state.raw<readonly string[]>([]);
  /** Only so many questions; null for all. */
  limit = $state<number | null>(null);

  run = $state.raw<BenchmarkRun | null>(null);
  results = $state.raw<readonly BenchmarkResult[]>([]);
  running = $state(false);
  /** What the model is writing. */
  writing = $state.raw<{ readonly question: string; readonly sql: string } | null>(null);
  secondsLeft = $state<number | null>(null);
  /** Set while the browser refuses to keep results. */
  notKept = $state(false);
  kept = $state.raw<readonly KeptRun[]>([]);

  readonly model: Model;
  readonly repairs: RepairSwitches;
  readonly summary = $derived(summarize(this.results));
  /** The 95% interval of the share right by execution; null while it changes, and of nothing. */
  readonly interval: Interval | null = $derived(
    this.running || this.summary.n === 0 ? null : bootstrapInterval(this.results.flatMap(({ exec }) => (exec === null ? [] : [exec]))),
  );
  readonly databases: readonly DatabaseChoice[] = $derived(this.dataset === null ? [] : databaseChoices(this.dataset));
  readonly total = $derived(this.run?.plan.length ?? 0);
  readonly finished = $derived(this.run !== null && this.results.length >= this.total);
  /** Whether the benchmark that is open is the one that the run on screen was begun with. */
  readonly fits = $derived(this.run !== null && this.dataset !== null && fingerprint(this.dataset) === this.run.dataset);

  #running: AbortController | undefined;
  #openings = 0;

  constructor(model: Model, repairs: RepairSwitches) {
    this.model = model;
    this.repairs = repairs;
    void this.#refreshKept();
  }

  /** Takes what was dropped: Spider as an archive or a folder, or a predictions file. Call it while the drop is being handled. */
  async drop(transfer: DataTransfer): Promise<void> {
    // Both lists are emptied as soon as the event is over.
    const dropped = [...transfer.items].flatMap((item) => (item.kind === 'file' ? (item.webkitGetAsEntry() ?? []) : []));
    const files = [...transfer.files];
    const [first] = files;
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
    this.dataset = null;
    this.problem = null;
  }

  choose(databaseId: string, isChosen: boolean): void {
    const others = this.chosen.filter((id) => id !== databaseId);
    this.chosen = isChosen ? [...others, databaseId] : others;
  }

  chooseAll(isChosen: boolean): void {
    this.chosen = isChosen ? this.databases.filter(({ present }) => present).map(({ id }) => id) : [];
  }

  /** The questions that a run of the model would ask. */
  readonly planned: readonly PlannedExample[] = $derived(this.dataset === null ? [] : planQuestions(this.dataset, this.chosen, this.limit));

  async runModel(): Promise<void> {
    const { chosen } = this.model;
    if (!chosen || this.planned.length === 0) return;
    const { repair, habits } = this.repairs;
    await this.#begin({ kind: 'model', id: chosen.id, title: chosen.title, repair, habits: repair && habits }, this.planned);
  }

  async importPredictions(file: File): Promise<void> {
    const { dataset } = this;
    if (this.running) {
      this.problem = {
        message: `A run is going on, so ${file.name} was not read.`,
        nextStep: 'Stop it or let it end, then choose the file again.',
      };
      return;
    }
    this.problem = null;
    this.leftOut = [];
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
    if (!read.ok) {
      this.problem = read.error;
      return;
    }
    const planned = planPredictions(dataset, read.value, file.name);
    if (!planned.ok) {
      this.problem = planned.error;
      return;
    }
    const { plan, unknown } = planned.value;
    await this.#begin({ kind: 'predictions', file: file.name }, plan, unknown === 0 ? [] : [outsideDataset(unknown)]);
  }

  /** Goes on with the run on screen; needs the benchmark it was begun with. */
  async resume(): Promise<void> {
    const { run, dataset } = this;
    if (run === null || dataset === null || this.running || !this.fits) return;
    const { source } = run;
    this.problem = null;
    this.leftOut = [];
    const running = new AbortController();
    this.#running = running;
    this.running = true;
    if (source.kind === 'model' && !(await this.#readyModel(source.id, running.signal))) {
      this.#end(running);
      return;
    }
    const left = leftToDo(run, this.results);
    const show = this.#shower(run, left.length);
    const ended = await runBenchmark(dataset, left, {
      newDatabase: () => new WorkerDatabase(),
      predictor: (database, schema) =>
        source.kind === 'predictions'
          ? Promise.resolve(importedPredictor)
          : modelPredictor(this.model, database, schema, {
              repair: source.repair,
              habits: source.habits,
              signal: running.signal,
              onSql: (question, sql) => {
                if (this.#running === running) this.writing = { question, sql };
              },
            }),
      signal: running.signal,
      onResult: show.add,
      onLeftOut: (problem) => (this.leftOut = [...this.leftOut, problem]),
    });
    await show.flush();
    if (!ended.ok && !ended.error.stopped) {
      this.problem = { ...ended.error, nextStep: `${ended.error.nextStep} What is done is kept: press Resume to go on.` };
    }
    this.#end(running);
  }

  /** Stops; what is done stays. */
  stop(): void {
    this.#running?.abort();
  }

  /** Puts a kept run on screen. */
  async show({ run }: KeptRun): Promise<void> {
    if (this.running) return;
    this.problem = null;
    this.leftOut = [];
    const results = await readResults(run);
    this.run = run;
    this.results = results.ok ? results.value : [];
    this.notKept = !results.ok;
  }

  async forget({ run }: KeptRun): Promise<void> {
    if (this.run?.id === run.id) {
      if (this.running) return;
      this.run = null;
      this.results = [];
    }
    this.notKept = !(await deleteRun(run)).ok;
    await this.#refreshKept();
  }

  async #open(name: string, read: () => Promise<Result<Files, FilesError>>): Promise<void> {
    const turn = ++this.#openings;
    this.stop();
    this.opening = name;
    this.problem = null;
    const dataset = await openBenchmark(name, read);
    if (turn !== this.#openings) return;
    this.opening = null;
    if (!dataset.ok) {
      this.problem = dataset.error;
      return;
    }
    this.dataset = dataset.value;
    this.datasetName = name;
    this.chooseAll(true);
  }

  async #begin(source: RunSource, plan: readonly PlannedExample[], leftOut: readonly Problem[] = []): Promise<void> {
    if (this.dataset === null) return;
    this.stop();
    const startedAt = Date.now();
    const run = {
      id: `${startedAt.toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}`,
      startedAt,
      source,
      dataset: fingerprint(this.dataset),
      plan: [...plan],
    };
    this.running = false;
    this.run = run;
    this.results = [];
    this.notKept = !(await saveRun(run)).ok;
    await Promise.all([this.resume(), this.#refreshKept()]);
    this.leftOut = [...leftOut, ...this.leftOut];
  }

  /** Gathers results and shows and keeps them some times a second. */
  #shower(run: BenchmarkRun, left: number): { add: (result: BenchmarkResult) => void; flush: () => Promise<void> } {
    const begin = performance.now();
    let waiting: BenchmarkResult[] = [];
    let added = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = async (): Promise<void> => {
      clearTimeout(timer);
      timer = undefined;
      const batch = waiting;
      if (batch.length === 0 || this.run !== run) return;
      waiting = [];
      const all = inPlanOrder(run, [...this.results, ...batch]);
      this.results = all;
      this.secondsLeft = ((performance.now() - begin) / 1000 / added) * (left - added);
      const saved = await saveResults(run, batch, all.length);
      this.notKept = !saved.ok;
    };
    return {
      flush,
      add: (result) => {
        waiting.push(result);
        added += 1;
        timer ??= setTimeout(() => void flush(), showEveryMs);
      },
    };
  }

  /** False, with the reason on screen, where the model of the run is not to be had. */
  async #readyModel(id: string, signal: AbortSignal): Promise<boolean> {
    const { model } = this;
    if (model.status === 'checking') await model.settled();
    const wanted = model.choices.find((choice) => choice.id === id);
    if (wanted && model.chosen?.id !== id) await model.choose(wanted);
    await model.loadIfCached();
    await model.settled();
    if (signal.aborted) return false;
    if (model.status === 'ready' && model.chosen?.id === id) return true;
    this.problem = model.problem ?? {
      message: wanted ? 'This run needs the language model, which is not loaded.' : `The model ${id}, which began this run, is not here.`,
      nextStep: wanted ? 'Download it above, then press Resume.' : 'Begin another run, or put the model back and press Resume.',
    };
    return false;
  }

  #end(running: AbortController): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.running = false;
    this.writing = null;
    this.secondsLeft = null;
    void this.#refreshKept();
  }

  async #refreshKept(): Promise<void> {
    const kept = await readRuns();
    if (kept.ok) this.kept = kept.value;
  }
}

const importedPredictor: Predict = (_example, { predictedSql = '', milliseconds }) =>
  Promise.resolve(success({ sql: predictedSql, ...(milliseconds === undefined ? {} : { milliseconds }) }));

function outsideDataset(count: number): Problem {
  return {
    message: `${String(count)} of the predictions are for questions that this dev.json does not have, and were left out.`,
    nextStep: 'Drop in the whole of Spider to have them scored.',
  };
}
