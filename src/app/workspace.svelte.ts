import type { Database, ResultSet, Schema } from '../database/database.ts';
import type { HistoryEntry } from '../storage/history.ts';
import { answer, sharedPrefix, type AnswerPhase, type AskContext, type Trace } from '../text-to-sql/answer.ts';
import { buildSchemaIndex, type SchemaIndex } from '../text-to-sql/link-schema.ts';
import { buildValueIndex, type ValueIndex } from '../text-to-sql/link-values.ts';
import type { PromptStyle } from '../text-to-sql/prompt.ts';
import { readColumnValues } from '../text-to-sql/read-column-values.ts';
import { sampleRowsFor } from '../text-to-sql/read-sample-rows.ts';
import type { RepairResult } from '../text-to-sql/repair/repair.ts';
import { History } from './history.svelte.ts';
import type { Model } from './model.svelte.ts';
import { answerProblem, databaseProblem, type Problem } from './problem.ts';
import type { RepairSwitches } from './repair-choice.svelte.ts';
import type { ExampleQuestion } from './samples.ts';
import type { Fix, SqlDoctor } from './sql-doctor.ts';

/** More rows than anyone reads, few enough to hold in the page. */
export const rowLimit = 100_000;
const timeoutMs = 15_000;

/** What is on screen below the question. Whatever happens, the SQL stays. */
export interface Answered {
  readonly question: string;
  readonly sql: string;
  /** Who wrote the SQL: the model, a template that came with the sample, or the person. */
  readonly author: 'model' | 'template' | 'person';
  readonly result?: ResultSet;
  readonly problem?: Problem;
  /** What may have been meant, where SQLite refused the statement. */
  readonly fixes?: readonly Fix[];
  readonly trace?: Trace;
}

export interface Opened {
  readonly name: string;
  /** What the history is kept under. */
  readonly key: string;
  readonly schema: Schema;
  readonly examples: readonly ExampleQuestion[];
}

export type Phase = 'idle' | 'waiting' | AnswerPhase;

/** One open database and the conversation about it. */
export class Workspace {
  readonly name: string;
  readonly schema: Schema;
  readonly examples: readonly ExampleQuestion[];
  readonly history: History;
  readonly model: Model;

  question = $state('');
  phase = $state<Phase>('idle');
  current = $state.raw<Answered | null>(null);
  /** The SQL in the editor, null while it is closed. */
  draft = $state<string | null>(null);
  /** Counts the times that something else than typing changed the draft: the editor then begins anew with it. */
  editorTurn = $state(0);
  readonly busy = $derived(this.phase !== 'idle');

  readonly #database: Database;
  #running: AbortController | undefined;
  readonly #names: SchemaIndex;
  readonly #values: Promise<ValueIndex>;
  /** Read once for each style that a model is asked in. */
  readonly #sampleRows: Partial<Record<PromptStyle, ReturnType<typeof sampleRowsFor>>> = {};
  readonly #closing = new AbortController();
  readonly #repairs: RepairSwitches;
  #doctor: Promise<SqlDoctor> | undefined;

  constructor(opened: Opened, database: Database, model: Model, repairs: RepairSwitches) {
    this.name = opened.name;
    this.schema = opened.schema;
    this.examples = opened.examples;
    this.history = new History(opened.key);
    this.model = model;
    this.#repairs = repairs;
    this.#database = database;
    this.#names = buildSchemaIndex(opened.schema);
    this.#values = this.#readValues();
    void this.#prime();
  }

  /** Answers a question: at once where a template has it, else by the model. */
  async ask(question: string): Promise<void> {
    const asked = question.trim();
    if (asked === '' || this.busy) return;
    this.question = asked;
    this.draft = null;
    const template = this.examples.find((example) => example.question === asked)?.sql;
    if (template === undefined) await this.#askModel(asked);
    else await this.#run({ question: asked, sql: template, author: 'template' });
  }

  /** Runs SQL that the person wrote or changed. */
  async run(sql: string): Promise<void> {
    if (sql.trim() === '' || this.busy) return;
    const { question = '', sql: before, author, trace } = this.current ?? {};
    const isUnchanged = sql === before && author !== undefined;
    await this.#run({ question, sql, author: isUnchanged ? author : 'person', ...(trace ? { trace } : {}) });
  }

  /** Runs what was offered in place of SQL that failed; an open editor gets it too. */
  async use(fix: Fix): Promise<void> {
    if (this.busy) return;
    if (this.draft !== null) {
      this.draft = fix.sql;
      this.editorTurn++;
    }
    await this.run(fix.sql);
  }

  /** Runs the model's own SQL, without the repairs. */
  async undo(): Promise<void> {
    await this.#runTraced((trace) => trace.modelSql);
  }

  /** Runs the repaired SQL again. */
  async redo(): Promise<void> {
    await this.#runTraced((trace) => trace.sql);
  }

  /** Shows an earlier question again; its SQL is run anew. */
  async recall(entry: HistoryEntry): Promise<void> {
    if (this.busy) return;
    this.question = entry.question;
    this.draft = null;
    await this.#run({ question: entry.question, sql: entry.sql, author: 'person' });
  }

  stop(): void {
    this.#running?.abort();
  }

  edit(): void {
    this.draft = this.current?.sql ?? '';
  }

  close(): void {
    this.stop();
    this.#closing.abort();
  }

  async #askModel(question: string): Promise<void> {
    const running = this.#begin('waiting');
    this.current = { question, sql: '', author: 'model' };
    const isReady = await this.#waitForModel(running.signal);
    if (!isReady) {
      this.#end(running);
      return;
    }
    const { trace, outcome } = await answer(question, await this.#context(), this.model.engine, this.#database, {
      rowLimit,
      timeoutMs,
      signal: running.signal,
      ...(this.#repairs.repair ? { repair: (sql, asked) => this.#repair(sql, asked) } : {}),
      onPhase: (phase) => (this.phase = phase),
      onSql: (sql) => (this.current = { question, sql, author: 'model' }),
    });
    const sql = trace.sql ?? this.current.sql;
    const shown = { question, sql, author: 'model' as const, trace };
    this.current = outcome.ok ? { ...shown, result: outcome.value } : { ...shown, problem: answerProblem(outcome.error) };
    this.#end(running);
    if (sql !== '') this.#remember(this.current);
    if (!outcome.ok && outcome.error.stage === 'database' && outcome.error.error.code === 'sql') await this.#offerFixes(this.current);
  }

  /** False, with the reason on screen, where there will be no model. */
  async #waitForModel(signal: AbortSignal): Promise<boolean> {
    const { model } = this;
    void model.loadIfCached();
    await Promise.race([model.settled(), new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    const question = this.question;
    if (signal.aborted) {
      const problem = { message: 'Stopped.', nextStep: 'Ask again whenever you like.', stopped: true };
      this.current = { question, sql: '', author: 'model', problem };
      return false;
    }
    if (model.status === 'ready') return true;
    const problem = model.problem ?? {
      message: 'This question needs the language model, which is not in this browser yet.',
      nextStep: 'Download it above, then press Ask again; or write the SQL yourself.',
    };
    this.current = { question, sql: '', author: 'model', problem };
    return false;
  }

  async #run(shown: Answered): Promise<void> {
    const running = this.#begin('running');
    this.current = shown;
    const outcome = await this.#database.run(shown.sql, { rowLimit, timeoutMs, signal: running.signal });
    this.current = outcome.ok ? { ...shown, result: outcome.value } : { ...shown, problem: databaseProblem(outcome.error) };
    this.#end(running);
    this.#remember(this.current);
    if (!outcome.ok && outcome.error.code === 'sql') await this.#offerFixes(this.current);
  }

  async #runTraced(pick: (trace: Trace) => string | undefined): Promise<void> {
    const { question = '', trace } = this.current ?? {};
    const sql = trace && pick(trace);
    if (this.busy || sql === undefined) return;
    this.draft = null;
    await this.#run({ question, sql, author: 'model', ...(trace ? { trace } : {}) });
  }

  async #repair(sql: string, question: string): Promise<RepairResult> {
    try {
      return await (await this.#sqlDoctor()).repair(sql, question, this.#repairs.habits);
    } catch {
      // The chunk could not be fetched (the server has a newer version): the model's SQL runs as it is.
      return { sql, changes: [], original: sql, statements: 0 };
    }
  }

  async #offerFixes(failed: Answered): Promise<void> {
    try {
      const fixes = await (await this.#sqlDoctor()).fixes(failed.sql);
      if (this.current === failed && fixes.length > 0) this.current = { ...failed, fixes };
    } catch {
      return; // As above: the error itself is on screen.
    }
  }

  #sqlDoctor(): Promise<SqlDoctor> {
    this.#doctor ??= import('./sql-doctor.ts').then((module) => new module.SqlDoctor(this.#database, this.schema));
    return this.#doctor;
  }

  #begin(phase: Phase): AbortController {
    const running = new AbortController();
    this.#running = running;
    this.phase = phase;
    return running;
  }

  #end(running: AbortController): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.phase = 'idle';
  }

  #remember(answered: Answered): void {
    const { question, sql, result, problem } = answered;
    if (problem?.stopped) return;
    void this.history.add({ askedAt: Date.now(), question, sql, rows: result?.rows.length ?? null });
  }

  async #context(): Promise<AskContext> {
    const settings = this.model.askSettings;
    this.#sampleRows[settings.style] ??= sampleRowsFor(settings.style, this.#database, this.schema, { signal: this.#closing.signal });
    return { schema: this.#names, values: await this.#values, ...settings, sampleRows: await this.#sampleRows[settings.style] };
  }

  /** Has the schema read by the model ahead of the first question. */
  async #prime(): Promise<void> {
    void this.model.loadIfCached();
    await this.model.settled();
    const prefix = sharedPrefix(await this.#context());
    if (prefix !== undefined && !this.#closing.signal.aborted) this.model.prime(prefix);
  }

  async #readValues(): Promise<ValueIndex> {
    const values = await readColumnValues(this.#database, this.schema, { signal: this.#closing.signal });
    return buildValueIndex(values);
  }
}
