/**
 * Puts mutated gold queries of Spider through the repair: it must never throw, never run past its time, and what it changes must run.
 *
 *     npm run fuzz-repair -- --spider ../shared/spider [--count 100000] [--seed 1] [--out FILE] [--minutes 9]
 *
 * With --out, what each database gave is kept in FILE and a later run goes on behind it; --minutes ends a run after the database that it is
 * at by then. The mutations of a database depend on the seed and its name alone.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { readFacts, repair } from '../src/text-to-sql/repair/repair.ts';
import { addTotals, emptyTotals, fuzzTotals, isClean, type FuzzState, type FuzzTotals } from './fuzz-totals.ts';
import { mutateSql, pickFrom, type Pick } from './mutate-sql.ts';
import { Progress } from './progress.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options } = parseArgs({
  options: {
    spider: { type: 'string' },
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    minutes: { type: 'string', default: 'Infinity' },
  },
});
if (options.spider === undefined) {
  console.error('usage: npm run fuzz-repair -- --spider DIR [--count 100000] [--seed 1] [--out FILE] [--minutes 9]');
  process.exit(2);
}
const { spider, out } = options;
const count = Number(options.count);
const seed = Number(options.seed);
const endsAt = performance.now() + Number(options.minutes) * 60_000;
const STATEMENT_MS = 200;
const BUDGET_MS = 500;
/** Waiting for a stopped statement's database to be open again is not the repair's; beyond this something hangs. */
const HANGS_MS = 10_000;

const state = await readState();
const groups = groupByDatabase([...(await readSpiderExamples(spider, 'dev')), ...(await readSpiderExamples(spider, 'train_spider'))]);
const share = count / [...groups.values()].reduce((sum, group) => sum + group.length, 0);
const progress = new Progress('databases', groups.size, Object.keys(state.databases).length);
for (const [databaseId, examples] of groups) {
  if (state.databases[databaseId] !== undefined) continue;
  if (performance.now() > endsAt) break;
  const bytes = await readSpiderDatabase(spider, databaseId);
  state.databases[databaseId] =
    bytes === undefined ? emptyTotals() : await fuzzDatabase(databaseId, bytes, examples, Math.ceil(examples.length * share));
  if (out !== undefined) await writeFile(out, `${JSON.stringify(state)}\n`);
  progress.advance(databaseId);
}
const totals = fuzzTotals(state);
const left = groups.size - Object.keys(state.databases).length;
console.log(`${JSON.stringify(totals)}, seed ${String(seed)}${left === 0 ? '' : `, ${String(left)} databases left: run again`}`);
process.exit(isClean(totals) ? 0 : 1);

async function readState(): Promise<FuzzState> {
  const fresh: FuzzState = { count, seed, databases: {} };
  if (out === undefined) return fresh;
  const text = await readFile(out, 'utf8').catch(() => null);
  if (text === null) return fresh;
  const known = JSON.parse(text) as FuzzState;
  if (known.count === count && known.seed === seed) return known;
  console.error(`${out} is of another count or seed. Give another file, or delete it.`);
  process.exit(2);
}

async function fuzzDatabase(name: string, bytes: Uint8Array, examples: readonly SpiderExample[], times: number): Promise<FuzzTotals> {
  const pick = pickFrom([...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, seed));
  const database = new NodeDatabase();
  const opened = await database.open(bytes, { timeoutMs: 60_000 });
  const facts = opened.ok ? await readFacts(database, { schema: opened.value }) : null;
  if (facts === null) throw new Error(`${name} could not be opened`);
  const found = emptyTotals();
  for (let round = 0; round < times; round += 1) {
    const example = examples[pick(examples.length)];
    if (example !== undefined) addTotals(found, await fuzzOne(database, facts, example, pick));
  }
  await database.close();
  return found;
}

async function fuzzOne(
  database: NodeDatabase,
  facts: NonNullable<Awaited<ReturnType<typeof readFacts>>>,
  example: SpiderExample,
  pick: Pick,
): Promise<FuzzTotals> {
  const sql = mutateSql(example.query, pick);
  const one = { ...emptyTotals(), done: 1 };
  const complain = (kind: 'threw' | 'slow' | 'wrong', what: string): void => {
    one[kind] = 1;
    console.error(`\n${kind}: ${JSON.stringify(sql)}\n  ${what}`);
  };
  const habits = pick(2) === 0;
  const timed = async () => {
    const start = performance.now();
    const result = await repair(sql, database, example.question, { facts, habits, timeoutMs: STATEMENT_MS, budgetMs: BUDGET_MS });
    return { result, took: performance.now() - start };
  };
  try {
    let { result, took } = await timed();
    // A machine that stands still for a while is not the repair's fault: what hangs, hangs again.
    if (took > HANGS_MS) ({ result, took } = await timed());
    one.slowestMs = took;
    if (one.slowestMs > HANGS_MS) complain('slow', `${one.slowestMs.toFixed(0)} ms`);
    if (typeof result.sql !== 'string') complain('wrong', 'the output is no text');
    else if (result.changes.length > 0) {
      one.changed = 1;
      const outcome = await database.run(result.sql, { rowLimit: 1, timeoutMs: HANGS_MS });
      if (!outcome.ok && outcome.error.code !== 'timeout')
        complain('wrong', `${result.sql}: ${outcome.error.sqlite ?? outcome.error.message}`);
    } else if (result.sql !== sql) complain('wrong', `changed without a reason: ${result.sql}`);
  } catch (error) {
    complain('threw', String(error));
  }
  return one;
}
