/**
 * Puts mutated gold queries of Spider through the repair: it must never throw, never run past its time, and what it changes must run.
 *
 *     npm run fuzz-repair -- --spider ../shared/spider [--count 100000] [--seed 1]
 */
import { parseArgs } from 'node:util';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { readFacts, repair } from '../src/text-to-sql/repair/repair.ts';
import { mutateSql, pickFrom } from './mutate-sql.ts';
import { readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options } = parseArgs({
  options: { spider: { type: 'string' }, count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
if (options.spider === undefined) {
  console.error('usage: npm run fuzz-repair -- --spider DIR [--count 100000] [--seed 1]');
  process.exit(2);
}
const count = Number(options.count);
const pick = pickFrom(Number(options.seed));
const STATEMENT_MS = 200;
const BUDGET_MS = 500;
/** Waiting for a stopped statement's database to be open again is not the repair's; beyond this something hangs. */
const HANGS_MS = 10_000;

const groups = new Map<string, SpiderExample[]>();
for (const split of ['dev', 'train_spider'] as const) {
  for (const example of await readSpiderExamples(options.spider, split)) {
    const group = groups.get(example.databaseId) ?? [];
    group.push(example);
    groups.set(example.databaseId, group);
  }
}
const totals = { done: 0, changed: 0, threw: 0, slow: 0, wrong: 0 };
let slowest = 0;
const share = count / [...groups.values()].reduce((sum, group) => sum + group.length, 0);
for (const [databaseId, examples] of groups) {
  const bytes = await readSpiderDatabase(options.spider, databaseId);
  if (bytes === undefined) continue;
  const database = new NodeDatabase();
  const opened = await database.open(bytes);
  const facts = opened.ok ? await readFacts(database, { schema: opened.value }) : null;
  if (facts === null) throw new Error(`${databaseId} could not be opened`);
  for (let left = Math.ceil(examples.length * share); left > 0; left -= 1) {
    const example = examples[pick(examples.length)];
    if (example === undefined) continue;
    const sql = mutateSql(example.query, pick);
    const start = performance.now();
    try {
      const result = await repair(sql, database, example.question, {
        facts,
        habits: pick(2) === 0,
        timeoutMs: STATEMENT_MS,
        budgetMs: BUDGET_MS,
      });
      const took = performance.now() - start;
      slowest = Math.max(slowest, took);
      if (took > HANGS_MS) report('slow', sql, `${took.toFixed(0)} ms`);
      if (result.changes.length > 0) {
        totals.changed += 1;
        const outcome = await database.run(result.sql, { rowLimit: 1, timeoutMs: HANGS_MS });
        if (!outcome.ok && outcome.error.code !== 'timeout')
          report('wrong', sql, `${result.sql}: ${outcome.error.sqlite ?? outcome.error.message}`);
      } else if (result.sql !== sql) report('wrong', sql, `changed without a reason: ${result.sql}`);
    } catch (error) {
      report('threw', sql, String(error));
    }
    totals.done += 1;
  }
  await database.close();
  process.stderr.write(`\r${String(totals.done)} of ${String(count)}`);
}
console.log(`\n${JSON.stringify(totals)}, slowest ${slowest.toFixed(0)} ms, seed ${options.seed}`);
process.exit(totals.threw + totals.slow + totals.wrong === 0 ? 0 : 1);

function report(kind: 'threw' | 'slow' | 'wrong', sql: string, what: string): void {
  totals[kind] += 1;
  console.error(`\n${kind}: ${JSON.stringify(sql)}\n  ${what}`);
}
