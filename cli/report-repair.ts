/**
 * Writes reports/repair.md: what the repair brings on published predictions and on our own students', rule by rule, and what it does to
 * right queries. With --fuzz, also what `npm run fuzz-repair -- --out FILE` counted.
 *
 *     npm run report-repair -- --spider ../shared/spider --out reports/repair.md [--fuzz FILE] ../shared/predictions/*.jsonl reports/predictions/*.jsonl
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Schema } from '../src/database/database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { ExecutionMatch, predictionLine } from '../src/evaluation/execution-match.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import type { Facts } from '../src/text-to-sql/repair/facts.ts';
import { readFacts, repair, type RepairResult } from '../src/text-to-sql/repair/repair.ts';
import type { RepairRule } from '../src/text-to-sql/repair/rule.ts';
import { ALL_RULES } from '../src/text-to-sql/repair/rules/all-rules.ts';
import { readTree } from '../src/text-to-sql/sql/tree.ts';
import { BREAKERS } from './break-sql.ts';
import { fuzzTotals, type FuzzState } from './fuzz-totals.ts';
import { readPredictions, type Prediction } from './predictions-file.ts';
import { BATCH_LIMITS } from './repair-limits.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    spider: { type: 'string' },
    out: { type: 'string' },
    /** Broken queries of each kind and split. */
    broken: { type: 'string', default: '300' },
    /** What the fuzz wrote with --out. */
    fuzz: { type: 'string' },
    /** Sections to leave out, by name: rules, thinned, gold, broken. */
    skip: { type: 'string', default: '' },
  },
});
if (options.spider === undefined || options.out === undefined || positionals.length === 0) {
  console.error('usage: npm run report-repair -- --spider DIR --out FILE PREDICTIONS...');
  process.exit(2);
}
const spider = options.spider;
const skipped = new Set(options.skip.split(','));
const SCORE_MS = 10_000;
const SEEDS = [1, 2, 3] as const;
const SHARE_REMOVED = 0.34;

interface Opened {
  readonly database: NodeDatabase;
  readonly schema: Schema;
  readonly facts: Facts;
}

async function open(bytes: Uint8Array, name: string): Promise<Opened> {
  const database = new NodeDatabase();
  const opened = await database.open(bytes, { timeoutMs: 60_000 });
  if (!opened.ok) throw new Error(`${name}: ${opened.error.message}`);
  const facts = await readFacts(database, { schema: opened.value });
  if (facts === null) throw new Error(`${name}: its schema could not be read`);
  return { database, schema: opened.value, facts };
}

function percent(part: number, whole: number, digits = 1): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(digits)}%`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(String).join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function quantiles(numbers: readonly number[], shares: readonly number[]): string[] {
  const sorted = [...numbers].sort((a, b) => a - b);
  return shares.map((share) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1));
}

/** How busy the machine was, for reading the clock's times. */
function machine(): string {
  return `${String(availableParallelism())} cores, with ${loadavg()
    .map((load) => load.toFixed(1))
    .join(', ')} processes running or waiting (means of the last 1, 5 and 15 minutes).`;
}

interface SqlJsDatabase {
  exec(sql: string): { values: unknown[][] }[];
  run(sql: string): void;
  export(): Uint8Array;
  close(): void;
}

/** A copy of a database with a third of each table's rows removed. */
async function thinned(bytes: Uint8Array, seed: number): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  const initSqlJs = require('sql.js') as () => Promise<{ Database: new (bytes: Uint8Array) => SqlJsDatabase }>;
  const SQL = await initSqlJs();
  // sql.js writes into the bytes that it is given, and `slice` of a Buffer is no copy.
  const database = new SQL.Database(Uint8Array.from(bytes));
  const random = seededRandom(seed);
  database.run('PRAGMA foreign_keys = OFF');
  const names = database.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")[0]?.values ?? [];
  for (const [name] of names) {
    const quoted = `"${String(name).replaceAll('"', '""')}"`;
    const ids = (database.exec(`SELECT rowid FROM ${quoted}`)[0]?.values ?? [])
      .map(([id]) => String(id))
      .filter(() => random() < SHARE_REMOVED);
    if (ids.length > 0) database.run(`DELETE FROM ${quoted} WHERE rowid IN (${ids.join(',')})`);
  }
  const out = database.export();
  database.close();
  return out;
}

const sections: string[] = [];

// ---- predictions

interface Tally {
  before: number;
  after: number;
  habits: number;
  fixed: number;
  broken: number;
  habitsFixed: number;
  habitsBroken: number;
  strictBefore: number;
  strictAfter: number;
  strictHabits: number;
  thinBefore: number;
  thinAfter: number;
  errorsBefore: number;
  errorsAfter: number;
  empty: number;
  count: number;
}

interface RuleTally {
  acted: number;
  aloneFixed: number;
  aloneBroken: number;
  lost: number;
  spared: number;
}

class PredictionReport {
  readonly name: string;
  readonly tally: Tally = {
    ...{ before: 0, after: 0, habits: 0, fixed: 0, broken: 0, habitsFixed: 0, habitsBroken: 0, strictBefore: 0, strictAfter: 0 },
    ...{ strictHabits: 0, thinBefore: 0, thinAfter: 0, errorsBefore: 0, errorsAfter: 0, empty: 0, count: 0 },
  };
  readonly rules = new Map<string, RuleTally>(
    ALL_RULES.map((rule) => [rule.name, { acted: 0, aloneFixed: 0, aloneBroken: 0, lost: 0, spared: 0 }]),
  );
  /** Of each repair, in milliseconds: by the clock, and of the processor in all threads of this process, SQLite's included. */
  readonly times: { readonly wall: number; readonly cpu: number }[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

async function measurePredictions(reports: readonly { report: PredictionReport; predictions: readonly Prediction[] }[]): Promise<void> {
  const examples = await readSpiderExamples(spider, 'dev');
  for (const [databaseId, own] of groupByDatabase(examples)) {
    const bytes = await readSpiderDatabase(spider, databaseId);
    if (bytes === undefined) continue;
    const opened = await open(bytes, databaseId);
    const thin = skipped.has('thinned') ? [] : await Promise.all(SEEDS.map(async (seed) => open(await thinned(bytes, seed), databaseId)));
    const judges = {
      lenient: judge(opened),
      strict: judge(opened, true),
      thin: thin.map((copy) => judge(copy)),
    };
    for (const { report, predictions } of reports) {
      const byId = new Map(
        predictions.map(({ index, sqlForRepair, predictedSql }) => [`dev-${String(index)}`, sqlForRepair ?? predictedSql]),
      );
      for (const example of own) {
        const sql = byId.get(example.id);
        if (sql !== undefined) await measureOne(report, example, sql, opened, judges);
      }
    }
    await Promise.all([opened, ...thin].map(({ database }) => database.close()));
    process.stderr.write(`\r${databaseId}                    `);
  }
}

type Judge = (gold: string, predicted: string) => Promise<boolean>;

function judge({ database, schema }: Opened, keepDistinct = false): Judge {
  const match = new ExecutionMatch(database, schema, { timeoutMs: SCORE_MS, keepDistinct });
  const known = new Map<string, Promise<boolean>>();
  return (gold, predicted) => {
    const key = `${gold}\n${predicted}`;
    let verdict = known.get(key);
    if (verdict === undefined) {
      verdict =
        predicted.trim() === ''
          ? Promise.resolve(false)
          : match.match(gold, predictionLine(predicted)).then(({ kind }) => kind === 'match');
      known.set(key, verdict);
    }
    return verdict;
  };
}

async function measureOne(
  { tally, rules, times }: PredictionReport,
  example: SpiderExample,
  sql: string,
  { database, facts }: Opened,
  judges: { lenient: Judge; strict: Judge; thin: readonly Judge[] },
): Promise<void> {
  const gold = example.query;
  const run = (habits: boolean, uses?: (rule: RepairRule) => boolean) =>
    repair(sql, database, example.question, { facts, habits, ...BATCH_LIMITS, ...(uses === undefined ? {} : { uses }) });
  const start = performance.now();
  const processorBefore = process.cpuUsage();
  const plain = await run(false);
  const processor = process.cpuUsage(processorBefore);
  times.push({ wall: performance.now() - start, cpu: (processor.user + processor.system) / 1_000 });
  const full = await run(true);
  const before = await judges.lenient(gold, sql);
  const after = await judges.lenient(gold, plain.sql);
  const habits = await judges.lenient(gold, full.sql);
  tally.count += 1;
  tally.before += Number(before);
  tally.after += Number(after);
  tally.habits += Number(habits);
  tally.fixed += Number(!before && after);
  tally.broken += Number(before && !after);
  tally.habitsFixed += Number(!before && habits);
  tally.habitsBroken += Number(before && !habits);
  tally.strictBefore += Number(await judges.strict(gold, sql));
  tally.strictAfter += Number(await judges.strict(gold, plain.sql));
  tally.strictHabits += Number(await judges.strict(gold, full.sql));
  if (judges.thin.length > 0) {
    tally.thinBefore += Number(before && (await onAll(judges.thin, gold, sql)));
    tally.thinAfter += Number(after && (await onAll(judges.thin, gold, plain.sql)));
  }
  tally.empty += Number(sql.trim() === '');
  const fails = !(await runs(database, sql));
  tally.errorsBefore += Number(fails);
  tally.errorsAfter += Number(!(await runs(database, plain.sql)));
  for (const change of full.changes) {
    const rule = rules.get(change.rule);
    if (rule !== undefined) rule.acted += 1;
  }
  if (skipped.has('rules')) return;
  await measureRules(rules, run, full, before, habits, (repaired) => judges.lenient(gold, repaired), sql, fails);
}

async function measureRules(
  rules: ReadonlyMap<string, RuleTally>,
  run: (habits: boolean, uses: (rule: RepairRule) => boolean) => Promise<RepairResult>,
  full: RepairResult,
  before: boolean,
  after: boolean,
  isRight: (sql: string) => Promise<boolean>,
  sql: string,
  fails: boolean,
): Promise<void> {
  for (const { name, on } of ALL_RULES) {
    const tally = rules.get(name);
    if (tally === undefined) continue;
    // What looks at results cannot act alone on what gives none, nor what mends errors on what runs; names do, where a column orders nothing.
    const canAct = name === 'names' || (on === 'error') === fails;
    const alone = canAct ? await run(true, (rule) => rule.name === name) : { sql };
    if (alone.sql !== sql) {
      const right = await isRight(alone.sql);
      tally.aloneFixed += Number(!before && right);
      tally.aloneBroken += Number(before && !right);
    }
    // A rule that did not act changes nothing by being left out.
    if (!full.changes.some((change) => change.rule === name)) continue;
    const without = await isRight((await run(true, (rule) => rule.name !== name)).sql);
    tally.lost += Number(after && !without);
    tally.spared += Number(!after && without);
  }
}

async function onAll(judges: readonly Judge[], gold: string, sql: string): Promise<boolean> {
  for (const each of judges) if (!(await each(gold, sql))) return false;
  return true;
}

async function runs(database: NodeDatabase, sql: string): Promise<boolean> {
  return (await database.run(sql, { rowLimit: 1, timeoutMs: SCORE_MS })).ok;
}

// ---- gold

async function measureGold(split: 'train_spider' | 'train_others' | 'dev', perKind: number) {
  const tally = { count: 0, touched: 0, changed: 0, notRunning: 0, noDatabase: 0 };
  const byRule = new Map<string, { acted: number; changed: number }>();
  const broken = new Map(Object.keys(BREAKERS).map((kind) => [kind, { count: 0, back: 0 }]));
  const random = seededRandom(7);
  const pick = (below: number) => Math.floor(random() * below);
  for (const [databaseId, own] of groupByDatabase(await readSpiderExamples(spider, split))) {
    const bytes = await readSpiderDatabase(spider, databaseId);
    if (bytes === undefined) {
      tally.noDatabase += own.length;
      continue;
    }
    const opened = await open(bytes, databaseId);
    const isRight = judge(opened);
    for (const example of own) {
      const { query, question } = example;
      if (!(await runs(opened.database, query))) {
        tally.notRunning += 1;
        continue;
      }
      tally.count += 1;
      if (!skipped.has('gold')) {
        const result = await repair(query, opened.database, question, { facts: opened.facts, ...BATCH_LIMITS });
        const changed = result.sql !== query && !(await isRight(query, result.sql));
        tally.touched += Number(result.changes.length > 0);
        tally.changed += Number(changed);
        for (const { rule } of result.changes) {
          const counts = byRule.get(rule) ?? { acted: 0, changed: 0 };
          byRule.set(rule, { acted: counts.acted + 1, changed: counts.changed + Number(changed) });
        }
      }
      if (skipped.has('broken')) continue;
      for (const [kind, counts] of broken) {
        // Spread over the databases: every query would need hours.
        const share = split === 'train_spider' ? 0.25 : 1;
        if (counts.count >= perKind || random() > share) continue;
        const tree = readTree(query, opened.facts.catalog.lookup);
        const wrong = tree === null ? null : ((await BREAKERS[kind]?.(tree, opened.facts, pick)) ?? null);
        if (wrong === null || (await isRight(query, wrong))) continue;
        const back = await repair(wrong, opened.database, question, { facts: opened.facts, ...BATCH_LIMITS });
        counts.count += 1;
        counts.back += Number(await isRight(query, back.sql));
      }
    }
    await opened.database.close();
    process.stderr.write(`\r${split} ${databaseId}                    `);
  }
  return { tally, byRule, broken };
}

// ---- the report

const reports = await Promise.all(
  positionals.map(async (file) => ({
    report: new PredictionReport(path.basename(file, '.jsonl')),
    predictions: await readPredictions(file),
  })),
);
await measurePredictions(reports);

sections.push(
  '## Published predictions\n\nExecution match on one database, DISTINCT removed (the official default); strict keeps DISTINCT; thinned: right as well on three copies of each database with a third of the rows removed. Before repair, our students stand here as they write for it: names held to the database less closely than where no repair follows (students.md).',
  table(
    [
      'Set',
      'n',
      'before repair',
      '+ repair',
      'fixed / broken',
      '+ habits',
      'fixed / broken',
      'strict: before, repair, habits',
      'thinned: before, repair',
      'errors (of them no SQL)',
    ],
    reports.map(({ report: { name, tally: t } }) => [
      name,
      t.count,
      percent(t.before, t.count),
      percent(t.after, t.count),
      `${String(t.fixed)} / ${String(t.broken)}`,
      percent(t.habits, t.count),
      `${String(t.habitsFixed)} / ${String(t.habitsBroken)}`,
      `${percent(t.strictBefore, t.count)}, ${percent(t.strictAfter, t.count)}, ${percent(t.strictHabits, t.count)}`,
      skipped.has('thinned') ? 'not measured' : `${percent(t.thinBefore, t.count)}, ${percent(t.thinAfter, t.count)}`,
      `${String(t.errorsBefore)} → ${String(t.errorsAfter)} (${String(t.empty)})`,
    ]),
  ),
  `## Time of one repair, habits off\n\nIn Node, with the database in its own thread, what is known of a database kept from question to question and read with the first. First the processor's time in all threads (other work on the machine changes it little), then the clock's. ${machine()}`,
  table(
    ['Set', 'median CPU ms', '95% CPU ms', '99% CPU ms', 'most CPU ms', 'median ms', '95% ms', '99% ms', 'slowest ms'],
    reports.map(({ report: { name, times } }) => {
      const shares = [0.5, 0.95, 0.99, 1];
      return [
        name,
        ...quantiles(
          times.map(({ cpu }) => cpu),
          shares,
        ),
        ...quantiles(
          times.map(({ wall }) => wall),
          shares,
        ),
      ];
    }),
  ),
);
if (!skipped.has('rules')) {
  sections.push(
    '## Each rule\n\nAlone: answers fixed / broken when only this rule is on. Left out: right answers lost, and wrong ones that become right, when all but this one are on (habits included).',
    table(
      ['Rule', ...reports.flatMap(({ report }) => [`${report.name}: acted`, 'alone', 'left out: lost / gained'])],
      ALL_RULES.map((rule) => [
        `${rule.name} (${rule.group})`,
        ...reports.flatMap(({ report }) => {
          const t = report.rules.get(rule.name);
          return t === undefined
            ? ['', '', '']
            : [t.acted, `${String(t.aloneFixed)} / ${String(t.aloneBroken)}`, `${String(t.lost)} / ${String(t.spared)}`];
        }),
      ]),
    ),
  );
}
if (!(skipped.has('gold') && skipped.has('broken'))) {
  const splits = ['train_spider', 'train_others', 'dev'] as const;
  const measured: ({ split: string } & Awaited<ReturnType<typeof measureGold>>)[] = [];
  for (const split of splits) measured.push({ split, ...(await measureGold(split, Number(options.broken))) });
  if (!skipped.has('gold')) {
    sections.push(
      '## Right queries passing through, habits off',
      table(
        ['Gold of', 'run', 'touched', 'answer changed', 'same rows', 'do not run', 'no database'],
        measured.map(({ split, tally }) => [
          ...[
            split,
            tally.count,
            tally.touched,
            tally.changed,
            percent(tally.count - tally.changed, tally.count, 2),
            tally.notRunning,
            tally.noDatabase,
          ],
        ]),
      ),
      table(
        ['Rule', ...splits.map((split) => `${split}: acted (answer changed)`)],
        ALL_RULES.filter((rule) => measured.some(({ byRule }) => byRule.has(rule.name))).map((rule) => [
          rule.name,
          ...measured.map(({ byRule }) => {
            const counts = byRule.get(rule.name);
            return counts === undefined ? '0' : `${String(counts.acted)} (${String(counts.changed)})`;
          }),
        ]),
      ),
    );
  }
  if (!skipped.has('broken')) {
    const total = (broken: ReadonlyMap<string, { count: number; back: number }>, key: 'count' | 'back') =>
      [...broken.values()].reduce((sum, counts) => sum + counts[key], 0);
    sections.push(
      '## Right queries broken on purpose, and repaired',
      table(
        ['Fault', ...splits],
        [
          ...Object.keys(BREAKERS).map((kind) => [
            kind,
            ...measured.map(({ broken }) => {
              const counts = broken.get(kind) ?? { count: 0, back: 0 };
              return `${percent(counts.back, counts.count)} of ${String(counts.count)}`;
            }),
          ]),
          [
            'all',
            ...measured.map(
              ({ broken }) => `${percent(total(broken, 'back'), total(broken, 'count'))} of ${String(total(broken, 'count'))}`,
            ),
          ],
        ],
      ),
    );
  }
}
if (options.fuzz !== undefined) {
  const state = JSON.parse(await readFile(options.fuzz, 'utf8')) as FuzzState;
  const totals = fuzzTotals(state);
  sections.push(
    `## Mutated gold, habits at random\n\n\`npm run fuzz-repair -- --spider DIR --count ${String(state.count)} --seed ${String(state.seed)} --out FILE\`, 200 ms a statement and 500 ms a repair; slow is more than 10 s (a statement that is stopped has its database opened again), wrong is an answer that does not run or was changed without a reason.`,
    table(
      ['mutations', 'databases', 'changed', 'threw', 'slow', 'wrong', 'slowest ms'],
      [
        [
          totals.done,
          Object.keys(state.databases).length,
          totals.changed,
          totals.threw,
          totals.slow,
          totals.wrong,
          totals.slowestMs.toFixed(0),
        ],
      ],
    ),
  );
}
const command = `npm run report-repair -- --spider DIR --out reports/repair.md${options.fuzz === undefined ? '' : ' --fuzz FILE'} ${positionals.map((file) => path.basename(file)).join(' ')}`;
const heading = `# Repair of SQL by the database itself\n\nMade by \`${command}\`${options.skip === '' ? '' : ` (left out: ${options.skip})`}. Rules: src/text-to-sql/repair.`;
await writeFile(options.out, `${[heading, ...sections].join('\n\n')}\n`);
process.stderr.write('\n');
console.log(await readFile(options.out, 'utf8'));
