/**
 * Test suites of our own (Zhong, Yu and Klein, EMNLP 2020): for every database of Spider dev, fuzzed databases that tell the gold queries from their
 * neighbours, so that a prediction that is right by luck on the one real database is found out.
 *
 *     npm run make-suites -- --spider ../shared/spider --out ../suites [--seed 1] [--candidates 150] [--db ID] [--report reports/suite-kills.json]
 *
 * Candidates are drawn one after the other; one is kept where it tells a gold query from a neighbour that none before did. A gold query whose answer
 * depends on the order in which rows are stored (ties before a LIMIT) is not tested on that database: `suite.json` names, for each gold query, the
 * databases that count. Done databases are skipped when the command is started again.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { SqlValue } from '../src/database/database.ts';
import { InProcessDatabase } from '../src/database/node/node-database.ts';
import { removeDistinct } from '../src/evaluation/remove-distinct.ts';
import { resultsEqual, type Row } from '../src/evaluation/results-equal.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import { comparedValues, fuzzRows, poolKey, type ColumnPool } from '../src/evaluation/suites/fuzz-rows.ts';
import { neighbours } from '../src/evaluation/suites/neighbours.ts';
import type { TableLookup } from '../src/text-to-sql/sql/scopes.ts';
import { quoteName } from '../src/text-to-sql/sql/print.ts';
import { readArguments, runCommand, UsageError } from './arguments.ts';
import { Progress } from './progress.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples } from './spider-data.ts';
import type { SuiteManifest } from './suites.ts';

interface RawDatabase {
  run(sql: string, values?: SqlValue[]): unknown;
  prepare(sql: string): {
    step(): boolean;
    get(values: null, config: { useBigInt: boolean }): SqlValue[];
    free(): void;
    run(values: SqlValue[]): void;
  };
  export(): Uint8Array;
  close(): void;
}

/** What became of the neighbours of one database's gold queries. */
interface Kills {
  readonly database: string;
  readonly goldQueries: number;
  readonly neighbours: number;
  readonly killed: number;
  readonly databases: number;
  /** Some of the neighbours that no candidate tells apart, each with its gold query. */
  readonly survivors: readonly { readonly gold: string; readonly neighbour: string }[];
}

/** More rows than this in a result are a cross join: the neighbour is told apart by their number. */
const MOST_ROWS = 20_000;
/** Real cells that a column's pool takes. */
const MOST_REAL_CELLS = 60;
const SURVIVORS_SHOWN = 15;

const require = createRequire(import.meta.url);
const initSqlJs = require('sql.js') as (options: object) => Promise<{ Database: new (bytes?: Uint8Array) => RawDatabase }>;
const SQL = await initSqlJs({ useOldExtensionFunctions: false });

await runCommand(async (args) => {
  const given = readArguments(
    'make-suites',
    {
      spider: { type: 'string', value: 'DIR', required: true, help: 'folder with dev.json and database/' },
      out: { type: 'string', value: 'DIR', required: true, help: 'where the suites go: DIR/<database>/*.sqlite; outside the repository' },
      seed: { type: 'string', value: 'N', help: 'of the random numbers (1)' },
      candidates: { type: 'string', value: 'N', help: 'databases drawn for each database (150)' },
      db: { type: 'string', value: 'ID', help: 'only this database' },
      report: { type: 'string', value: 'FILE', help: 'write what was told apart here, as JSON' },
    },
    args,
  );
  const [spider, out] = [given.required('spider'), given.required('out')];
  const groups = [...groupByDatabase(await readSpiderExamples(spider, 'dev'))].filter(
    ([id]) => given.text('db') === undefined || id === given.text('db'),
  );
  const progress = new Progress('Databases', groups.length);
  const kills: Kills[] = [];
  for (const [databaseId, examples] of groups) {
    const golds = [...new Set(examples.map((example) => example.query))];
    const done = await readKills(path.join(out, databaseId, 'kills.json'));
    kills.push(
      done ??
        (await makeSuite(
          spider,
          databaseId,
          golds,
          path.join(out, databaseId),
          given.count('seed') ?? 1,
          given.count('candidates') ?? 150,
        )),
    );
    progress.advance(databaseId);
  }
  const total = (count: (one: Kills) => number): number => kills.reduce((sum, one) => sum + count(one), 0);
  const summary = {
    gold_queries: total((one) => one.goldQueries),
    neighbours: total((one) => one.neighbours),
    killed: total((one) => one.killed),
  };
  const line = {
    ...summary,
    kill_rate: Math.round((1e4 * summary.killed) / summary.neighbours) / 1e4,
    databases: total((one) => one.databases),
  };
  if (given.text('report') !== undefined)
    await writeFile(given.required('report'), `${JSON.stringify({ ...line, by_database: kills }, null, 1)}\n`);
  process.stdout.write(`${JSON.stringify(line)}\n`);
});

async function makeSuite(
  spider: string,
  databaseId: string,
  golds: readonly string[],
  folder: string,
  seed: number,
  candidates: number,
): Promise<Kills> {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (bytes === undefined) throw new UsageError(`The database ${databaseId} is not in ${path.join(spider, 'database')}.`);
  const opened = await new InProcessDatabase().open(bytes);
  if (!opened.ok) throw new UsageError(`The database ${databaseId} cannot be opened. ${opened.error.message}`);
  const schema = opened.value;
  const columns = new Map(
    schema.tables.map((table) => [table.name.toLowerCase(), new Set(table.columns.map((column) => column.name.toLowerCase()))]),
  );
  const lookup: TableLookup = (table) => columns.get(table) ?? null;

  const real = new SQL.Database(bytes);
  const pools = readPools(real, schema, comparedValues(golds, lookup));
  const create = (
    read(real, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'view'") ?? []
  ).map(([sql]) => String(sql));
  real.close();

  const alive = new Map(golds.map((gold) => [gold, new Set(neighbours(gold, lookup))]));
  const random = seededRandom(seed);
  const kept: { file: string; database: RawDatabase; used: Set<string> }[] = [];
  let [count, refused] = [0, 0];
  for (const own of alive.values()) count += own.size;
  for (let at = 0; at < candidates; at += 1) {
    const database = new SQL.Database();
    for (const sql of create) database.run(sql);
    for (const [table, rows] of fuzzRows(schema, pools, random)) insert(database, table, rows);
    const used = new Set<string>();
    let kills = 0;
    for (const [gold, own] of alive) {
      if (own.size === 0) continue;
      const expected = settled(database, gold);
      if (expected === null) continue;
      used.add(gold);
      const ordered = gold.toLowerCase().includes('order by');
      for (const neighbour of own) {
        const rows = read(database, neighbour);
        if (rows === null && at === 0) refused += 1;
        if (rows !== null && resultsEqual(expected, rows, ordered)) continue;
        own.delete(neighbour);
        if (rows !== null) kills += 1;
      }
    }
    if (kills > 0) kept.push({ file: `fuzz-${String(at).padStart(3, '0')}.sqlite`, database, used });
    else database.close();
  }
  // A gold query that had all its neighbours told apart early is tested on the later databases too, where its answer is settled.
  await mkdir(folder, { recursive: true });
  const manifest: Record<string, string[]> = Object.fromEntries(golds.map((gold) => [gold, []]));
  for (const { file, database, used } of kept) {
    for (const gold of golds) if (used.has(gold) || settled(database, gold) !== null) manifest[gold]?.push(file);
    await writeFile(path.join(folder, file), database.export());
    database.close();
  }
  const survivors = [...alive].flatMap(([gold, own]) => [...own].map((neighbour) => ({ gold, neighbour })));
  const step = Math.max(1, Math.floor(survivors.length / SURVIVORS_SHOWN));
  const result: Kills = {
    database: databaseId,
    goldQueries: golds.length,
    neighbours: count - refused,
    killed: count - refused - survivors.length,
    databases: kept.length,
    survivors: survivors.filter((_, at) => at % step === 0).slice(0, SURVIVORS_SHOWN),
  };
  await writeFile(path.join(folder, 'suite.json'), `${JSON.stringify({ seed, candidates, queries: manifest } satisfies SuiteManifest)}\n`);
  await writeFile(path.join(folder, 'kills.json'), `${JSON.stringify(result)}\n`);
  return result;
}

async function readKills(file: string): Promise<Kills | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kills;
  } catch {
    return undefined;
  }
}

function readPools(
  real: RawDatabase,
  schema: Parameters<typeof fuzzRows>[0],
  compared: ReadonlyMap<string, readonly SqlValue[]>,
): Map<string, ColumnPool> {
  const pools = new Map<string, ColumnPool>();
  for (const table of schema.tables) {
    if (table.kind !== 'table') continue;
    for (const { name } of table.columns) {
      const [column, from] = [quoteName(name), quoteName(table.name)];
      const cells =
        read(real, `SELECT ${column} FROM ${from} WHERE ${column} IS NOT NULL GROUP BY 1 LIMIT ${String(MOST_REAL_CELLS)}`) ?? [];
      const nulls = read(real, `SELECT 1 FROM ${from} WHERE ${column} IS NULL LIMIT 1`) ?? [];
      const key = poolKey(table.name, name);
      // What is compared with stands twice: it should be drawn more often than one cell of many.
      const wanted = compared.get(key) ?? [];
      pools.set(key, {
        values: [...cells.map(([value]) => value ?? null), ...beyond(cells), ...wanted, ...wanted],
        nullable: nulls.length > 0,
      });
    }
  }
  return pools;
}

/** Numbers outside of what is there, unless there are so few that they are codes. */
function beyond(cells: readonly Row[]): SqlValue[] {
  const numbers = cells.flatMap(([value]) => (typeof value === 'number' ? [value] : []));
  if (numbers.length < 6) return [];
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return [0, least - 1, Math.round(least / 2), most + 1, most * 2];
}

function insert(database: RawDatabase, table: string, rows: readonly (readonly SqlValue[])[]): void {
  const width = rows[0]?.length ?? 0;
  if (width === 0) return;
  const statement = database.prepare(
    `INSERT OR IGNORE INTO ${quoteName(table)} VALUES (${Array.from({ length: width }, () => '?').join(', ')})`,
  );
  try {
    for (const row of rows) statement.run([...row]);
  } finally {
    statement.free();
  }
}

/** The rows of a gold query, null where they depend on the order in which rows are stored. */
function settled(database: RawDatabase, gold: string): readonly Row[] | null {
  const rows = read(database, gold);
  if (rows === null) return null;
  database.run('PRAGMA reverse_unordered_selects = ON');
  const reversed = read(database, gold);
  database.run('PRAGMA reverse_unordered_selects = OFF');
  return reversed !== null && resultsEqual(rows, reversed, gold.toLowerCase().includes('order by')) ? rows : null;
}

/** All rows, null where SQLite refuses the query. */
function read(database: RawDatabase, sql: string): SqlValue[][] | null {
  try {
    const statement = database.prepare(removeDistinct(sql));
    const rows: SqlValue[][] = [];
    try {
      while (rows.length < MOST_ROWS && statement.step()) rows.push(statement.get(null, { useBigInt: false }));
    } finally {
      statement.free();
    }
    return rows;
  } catch {
    return null;
  }
}
