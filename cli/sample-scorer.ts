import { NodeDatabase } from '../src/database/node/node-database.ts';
import type { Schema } from '../src/database/database.ts';
import type { Example, Split } from '../src/evaluation/dataset.ts';
import { ExecutionMatch } from '../src/evaluation/execution-match.ts';
import { failure, success } from '../src/result.ts';
import type { Result } from '../src/result.ts';
import { readTree } from '../src/text-to-sql/sql/tree.ts';
import { UsageError } from './arguments.ts';
import { openDataset } from './spider-data.ts';

/** What one sample of a question is worth, in parts: a trainer weighs them. */
export interface SampleVerdict {
  /** Its rows are the gold query's, as execution match holds them equal. */
  readonly equal: 0 | 1;
  /** It is one statement that SQLite ran to its end in time. */
  readonly runs: 0 | 1;
  /** Tables read by both it and gold, of those read by either (Jaccard, 0 to 1); 0 where one of them cannot be read. */
  readonly tables: number;
}

export interface ScoredSamples {
  /** In the order of the samples. */
  readonly rewards: readonly SampleVerdict[];
  /** The gold query gives no rows: then every query without rows is equal to it, whatever it asks. */
  readonly goldEmpty: boolean;
}

interface Opened {
  readonly database: NodeDatabase;
  readonly schema: Schema;
  readonly match: ExecutionMatch;
}

interface Kept {
  readonly opened: Promise<Opened>;
  pending: number;
}

/** Open databases take a thread and some 30 MB each; a trainer asks about the databases of a step at a time. */
const MOST_OPEN = 24;
/** Which tables a query reads does not depend on their columns. */
const NO_COLUMNS: ReadonlySet<string> = new Set();

/**
 * Scores samples of Spider's questions (train or dev) by their id. Databases stay open and gold results are kept, so that a second
 * sample of a question costs its own query alone. What could not be scored (no such question, gold that does not run) is a sentence.
 */
export class SampleScorer {
  readonly #spider: string;
  readonly #timeoutMs: number;
  /** The least recently used first. */
  readonly #open = new Map<string, Kept>();

  /** @param spider the folder or archive @param timeoutMs how long one query may run, gold or sample */
  constructor(spider: string, timeoutMs: number) {
    this.#spider = spider;
    this.#timeoutMs = timeoutMs;
  }

  /** @param id `train_spider-12`, `train_others-3` or `dev-7` */
  async score(id: string, sqls: readonly string[]): Promise<Result<ScoredSamples, string>> {
    const [, name] = /^(dev|train_spider|train_others)-\d+$/u.exec(id) ?? [];
    if (name === undefined) return failure(`“${id}” is no question of Spider: give train_spider-N, train_others-N or dev-N.`);
    const split = name as Split;
    const dataset = await openDataset(this.#spider, split);
    const example = dataset.examples[Number(id.slice(split.length + 1))];
    if (example === undefined) return failure(`There is no question ${id}: ${split}.json has ${String(dataset.examples.length)}.`);
    const kept = this.#keep(example.databaseId, split);
    kept.pending += 1;
    try {
      return await this.#scoreOn(await kept.opened, example, sqls);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#open.delete(example.databaseId);
      return failure(error.message);
    } finally {
      kept.pending -= 1;
    }
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { opened } of open) await closeOne(opened);
  }

  async #scoreOn({ database, schema, match }: Opened, example: Example, sqls: readonly string[]): Promise<Result<ScoredSamples, string>> {
    const gold = await database.run(example.query, { rowLimit: 1, timeoutMs: this.#timeoutMs });
    if (!gold.ok) return failure(`The gold query of ${example.id} does not run: ${gold.error.sqlite ?? gold.error.message}`);
    const names = new Set(schema.tables.map((table) => table.name.toLowerCase()));
    const goldTables = tablesRead(example.query, names);
    const verdicts = new Map<string, SampleVerdict>();
    for (const sql of new Set(sqls)) {
      // One line, as the evaluator reads predictions; its place holder `value` is no part of it, columns of train have that name.
      const line = sql.trim().replace(/\s*[\r\n]\s*/gu, ' ');
      const verdict = await match.match(example.query, line);
      if (verdict.kind === 'could-not-score') return failure(`The gold query of ${example.id} does not run: ${verdict.error.message}`);
      // The evaluator takes a text without a statement for one without rows.
      const ran = /[^\s;]/u.test(line) && verdict.kind !== 'failed';
      const tables = overlap(goldTables, tablesRead(line, names));
      verdicts.set(sql, { equal: ran && verdict.kind === 'match' ? 1 : 0, runs: ran ? 1 : 0, tables });
    }
    return success({ rewards: sqls.flatMap((sql) => verdicts.get(sql) ?? []), goldEmpty: gold.value.rows.length === 0 });
  }

  #keep(databaseId: string, split: Split): Kept {
    const kept = this.#open.get(databaseId) ?? { opened: this.#openDatabase(databaseId, split), pending: 0 };
    this.#open.delete(databaseId);
    this.#open.set(databaseId, kept);
    for (const [id, { opened, pending }] of this.#open) {
      if (this.#open.size <= MOST_OPEN) break;
      if (pending > 0 || id === databaseId) continue;
      this.#open.delete(id);
      void closeOne(opened);
    }
    return kept;
  }

  async #openDatabase(databaseId: string, split: Split): Promise<Opened> {
    const bytes = await (await openDataset(this.#spider, split)).readDatabase(databaseId);
    if (bytes === undefined) {
      throw new UsageError(`The database ${databaseId} is not in ${this.#spider}. Get Spider whole, or leave its questions out.`);
    }
    const database = new NodeDatabase();
    const opened = await database.open(bytes);
    if (!opened.ok) {
      await database.close();
      throw new UsageError(`The database ${databaseId} cannot be opened. ${opened.error.message} ${opened.error.nextStep}`);
    }
    return { database, schema: opened.value, match: new ExecutionMatch(database, opened.value, { timeoutMs: this.#timeoutMs }) };
  }
}

/** A database that could not be opened has nothing to close. */
async function closeOne(opened: Promise<Opened>): Promise<void> {
  const [settled] = await Promise.allSettled([opened]);
  if (settled.status === 'fulfilled') await settled.value.database.close();
}

/** Lower-case names of the base tables that a query reads, in nested queries too; none where the parser does not know the query. */
function tablesRead(sql: string, names: ReadonlySet<string>): Set<string> {
  const scopes = readTree(sql.replace(/[\s;]+$/u, ''), (table) => (names.has(table) ? NO_COLUMNS : null))?.scopes ?? [];
  return new Set(scopes.flatMap((scope) => scope.sources.flatMap(({ table }) => table ?? [])));
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((table) => b.has(table)).length;
  const either = a.size + b.size - both;
  return either === 0 ? 0 : both / either;
}
