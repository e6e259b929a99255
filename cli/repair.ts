/**
 * Puts predictions through the repair, as the app does with the student's SQL:
 *
 *     npm run repair -- --predictions FILE --spider DIR --out FILE [--habits]
 *
 * FILE holds one JSON object a line, `{index, predicted_sql}` (index 0-based into dev.json) or `{question_id, pred_sql}`, and `sql_for_repair` where
 * the model writes something else when a repair follows. Out comes the same in the same order with the repaired SQL, `original_sql`, and `changes`:
 * `[{rule, group, reason, before, after}]`. Verdicts in the line were the original's and are left out.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { readFacts, repair } from '../src/text-to-sql/repair/repair.ts';
import { readPredictions } from './predictions-file.ts';
import { BATCH_LIMITS } from './repair-limits.ts';
import { readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options } = parseArgs({
  options: {
    predictions: { type: 'string' },
    spider: { type: 'string' },
    out: { type: 'string' },
    habits: { type: 'boolean', default: false },
  },
});
if (options.predictions === undefined || options.spider === undefined || options.out === undefined) {
  console.error('usage: npm run repair -- --predictions FILE --spider DIR --out FILE [--habits]');
  process.exit(2);
}
const { predictions: predictionsFile, spider, out, habits } = options;

const VERDICT_FIELDS = new Set(['exec', 'exec_keep_distinct', 'exact_match', 'exec_match', 'exact_set_match', 'failure_mode']);

const examples = new Map<string, SpiderExample>();
for (const example of await readSpiderExamples(spider, 'dev')) examples.set(example.id, example);
const predictions = await readPredictions(predictionsFile);
const byDatabase = new Map<string, { place: number; prediction: (typeof predictions)[number]; question: string }[]>();
const outputs: Record<string, unknown>[] = predictions.map((prediction) => ({ ...prediction.line }));
let unknown = 0;
predictions.forEach((prediction, place) => {
  const example = examples.get(`dev-${String(prediction.index)}`);
  if (example === undefined) {
    unknown += 1;
    return;
  }
  const own = byDatabase.get(example.databaseId) ?? [];
  own.push({ place, prediction, question: example.question });
  byDatabase.set(example.databaseId, own);
});

let changed = 0;
for (const [databaseId, own] of byDatabase) {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (bytes === undefined) throw new Error(`${databaseId}: its .sqlite is not in ${spider}/database`);
  const database = new NodeDatabase();
  const opened = await database.open(bytes);
  if (!opened.ok) throw new Error(`${databaseId}: ${opened.error.message}`);
  const facts = await readFacts(database, { schema: opened.value });
  for (const { place, prediction, question } of own) {
    const result = await repair(prediction.sqlForRepair ?? prediction.predictedSql, database, question, {
      habits,
      ...BATCH_LIMITS,
      ...(facts === null ? {} : { facts }),
    });
    if (result.changes.length > 0) changed += 1;
    const kept = Object.fromEntries(Object.entries(prediction.line).filter(([field]) => !VERDICT_FIELDS.has(field)));
    outputs[place] = { ...kept, [prediction.sqlField]: result.sql, original_sql: result.original, changes: result.changes };
  }
  await database.close();
}
await writeFile(out, outputs.map((line) => `${JSON.stringify(line)}\n`).join(''));
console.log(`${String(predictions.length)} predictions, ${String(changed)} changed, written to ${out}`);
if (unknown > 0) console.log(`${String(unknown)} stand at a question that is not among the usable ones of dev and were passed through.`);
