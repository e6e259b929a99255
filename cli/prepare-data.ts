/**
 * Writes the examples that training and prediction work on: prompts exactly as the app builds them.
 *
 *     npm run prepare-data -- --spider ../shared/spider --out ../data [--style compact]
 *
 * Out come `train.jsonl` (train_spider and train_others) and `dev.jsonl` (the 1,026 usable questions), one object a line:
 * `{id, db_id, prompt, prefix_code_points, completion}`, and `dev100.json`, the ids of a fixed sample of 100 dev questions.
 * A completion is the gold query in our one style (canonical-sql.ts) where both return the same rows, else the gold query as it is.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Database, Schema } from '../src/database/database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import { canonicalSql } from '../src/text-to-sql/canonical-sql.ts';
import { buildValueIndex, linkValues, type ValueIndex } from '../src/text-to-sql/link-values.ts';
import { buildPrompt, type PromptStyle } from '../src/text-to-sql/prompt.ts';
import { readColumnValues } from '../src/text-to-sql/read-column-values.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options } = parseArgs({
  options: { spider: { type: 'string' }, out: { type: 'string' }, style: { type: 'string', default: 'compact' } },
});
const style = (['compact', 'create-table'] as const).find((known) => known === options.style);
if (options.spider === undefined || options.out === undefined || style === undefined) {
  console.error('usage: npm run prepare-data -- --spider DIR --out DIR [--style compact|create-table]');
  process.exit(2);
}
const { spider, out } = { spider: options.spider, out: options.out };
const promptStyle: PromptStyle = style;

/** Long enough for every gold query of train but the cross joins, whose canonical form is then not proved and not used. */
const queryTimeoutMs = 5_000;

interface Opened {
  readonly database: Database;
  readonly schema: Schema;
  readonly index: ValueIndex;
}

await mkdir(out, { recursive: true });
await writeExamples('train', [
  ...(await readSpiderExamples(spider, 'train_spider')),
  ...(await readSpiderExamples(spider, 'train_others')),
]);
const dev = await readSpiderExamples(spider, 'dev');
await writeExamples('dev', dev);
await writeFile(path.join(out, 'dev100.json'), `${JSON.stringify(sample(dev, 100).map((example) => example.id))}\n`);

async function writeExamples(name: string, examples: readonly SpiderExample[]): Promise<void> {
  const file = createWriteStream(path.join(out, `${name}.jsonl`));
  const counts = { written: 0, canonical: 0, original: 0, noDatabase: 0, linked: 0 };
  const byDatabase = groupByDatabase(examples);
  for (const [databaseId, own] of byDatabase) {
    const opened = await openSpiderDatabase(databaseId);
    if (!opened) {
      counts.noDatabase += own.length;
      continue;
    }
    for (const example of own) {
      const values = linkValues(example.question, opened.index, opened.schema);
      const prompt = buildPrompt(promptStyle, { schema: opened.schema, question: example.question, values });
      const canonical = await provenCanonical(example.query, opened);
      counts[canonical === undefined ? 'original' : 'canonical']++;
      counts.written++;
      if (values.length > 0) counts.linked++;
      const line = {
        id: example.id,
        db_id: databaseId,
        prompt: prompt.prefix + prompt.suffix,
        // Python counts strings in code points, JavaScript in UTF-16 units.
        prefix_code_points: [...prompt.prefix].length,
        completion: `${canonical ?? asOneLine(example.query)}<|im_end|>`,
      };
      file.write(`${JSON.stringify(line)}\n`);
    }
    await opened.database.close();
    process.stderr.write(`\r${name}: ${String(counts.written + counts.noDatabase)} of ${String(examples.length)}`);
  }
  await new Promise((resolve) => file.end(resolve));
  process.stderr.write('\n');
  console.log(JSON.stringify({ file: `${name}.jsonl`, ...counts }));
}

async function openSpiderDatabase(databaseId: string): Promise<Opened | undefined> {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (!bytes) return undefined;
  const database = new NodeDatabase();
  const opened = await database.open(bytes);
  if (!opened.ok) throw new Error(`${databaseId}: ${opened.error.message}`);
  const schema = opened.value;
  return { database, schema, index: buildValueIndex(await readColumnValues(database, schema)) };
}

/** The canonical form, only where it returns the same rows in the same order as the gold query. */
async function provenCanonical(query: string, { database, schema }: Opened): Promise<string | undefined> {
  const canonical = canonicalSql(query, schema);
  if (canonical === undefined) return undefined;
  const limits = { rowLimit: 20_000, timeoutMs: queryTimeoutMs };
  const [gold, own] = [await database.run(query, limits), await database.run(canonical, limits)];
  if (!gold.ok || !own.ok || gold.value.truncated) return undefined;
  return rowsText(gold.value.rows) === rowsText(own.value.rows) ? canonical : undefined;
}

function rowsText(rows: readonly (readonly unknown[])[]): string {
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? `${String(value)}n` : value));
}

function asOneLine(query: string): string {
  return query
    .replace(/\s+/g, ' ')
    .replace(/[\s;]+$/, '')
    .trim();
}

/** A fixed random sample (seed 1), in the order of the file. */
function sample<Item>(items: readonly Item[], size: number): Item[] {
  const random = seededRandom(1);
  const ranked = items.map((item, index) => ({ index, rank: random(), item })).sort((a, b) => a.rank - b.rank);
  return ranked
    .slice(0, size)
    .sort((a, b) => a.index - b.index)
    .map((one) => one.item);
}
