/**
 * Writes the examples that training and prediction work on: prompts exactly as the app builds them.
 *
 *     npm run prepare-data -- --spider ../shared/spider --out ../data [--style compact] [--variants 3]
 *
 * Out come `train.jsonl` (train_spider and train_others) and `dev.jsonl` (the 1,026 usable questions), one object a line:
 * `{id, db_id, prompt, prefix_code_points, completion}`, and `dev100.json`, the ids of a fixed sample of 100 dev questions.
 * A completion is the gold query in our one style (canonical-sql.ts) where both return the same rows, else the gold query as it is.
 * With `--variants N`, `train.jsonl` also has each example N times under other names of tables and columns (schema-variant.ts; id `train_spider-7~2`),
 * where the renamed query still reads on the renamed schema.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Database, Schema, Table } from '../src/database/database.ts';
import { createDatabase } from '../src/database/node/create-database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import { canonicalSql } from '../src/text-to-sql/canonical-sql.ts';
import { buildValueIndex, linkValues, type ValueIndex } from '../src/text-to-sql/link-values.ts';
import { buildPrompt, type PromptInput, type PromptStyle } from '../src/text-to-sql/prompt.ts';
import { readColumnValues } from '../src/text-to-sql/read-column-values.ts';
import { schemaVariant } from './schema-variant.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options } = parseArgs({
  options: {
    spider: { type: 'string' },
    out: { type: 'string' },
    style: { type: 'string', default: 'compact' },
    variants: { type: 'string', default: '0' },
  },
});
const style = (['compact', 'create-table'] as const).find((known) => known === options.style);
if (options.spider === undefined || options.out === undefined || style === undefined) {
  console.error('usage: npm run prepare-data -- --spider DIR --out DIR [--style compact|create-table]');
  process.exit(2);
}
const { spider, out } = { spider: options.spider, out: options.out };
const promptStyle: PromptStyle = style;
const variants = Number(options.variants);

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
  const counts = { written: 0, canonical: 0, original: 0, noDatabase: 0, linked: 0, variants: 0 };
  const byDatabase = groupByDatabase(examples);
  const lenders: Table[] = [];
  for (const [databaseId, own] of byDatabase) {
    const opened = await openSpiderDatabase(databaseId);
    if (!opened) {
      counts.noDatabase += own.length;
      continue;
    }
    const renamed = name === 'train' ? await openVariants(databaseId, opened.schema, lenders) : [];
    lenders.push(...opened.schema.tables);
    for (const example of own) {
      const values = linkValues(example.question, opened.index, opened.schema);
      const canonical = await provenCanonical(example.query, opened);
      counts[canonical === undefined ? 'original' : 'canonical']++;
      counts.written++;
      if (values.length > 0) counts.linked++;
      const { id, question } = example;
      file.write(exampleLine(id, databaseId, { schema: opened.schema, question, values }, canonical ?? asOneLine(example.query)));
      if (canonical === undefined) continue;
      for (const [at, { variant, database }] of renamed.entries()) {
        const sql = variant.rename(canonical);
        if (sql === undefined || !(await database.run(sql, { rowLimit: 1, timeoutMs: queryTimeoutMs })).ok) continue;
        const input = { schema: variant.schema, question, values: variant.renameValues(values) };
        file.write(exampleLine(`${id}~${String(at + 1)}`, databaseId, input, sql));
        counts.variants++;
      }
    }
    for (const { database } of [opened, ...renamed]) await database.close();
    process.stderr.write(`\r${name}: ${String(counts.written + counts.noDatabase)} of ${String(examples.length)}`);
  }
  await new Promise((resolve) => file.end(resolve));
  process.stderr.write('\n');
  console.log(JSON.stringify({ file: `${name}.jsonl`, ...counts }));
}

function exampleLine(id: string, databaseId: string, input: PromptInput, sql: string): string {
  const prompt = buildPrompt(promptStyle, input);
  // Python counts strings in code points, JavaScript in UTF-16 units.
  const prefix_code_points = [...prompt.prefix].length;
  return `${JSON.stringify({ id, db_id: databaseId, prompt: prompt.prefix + prompt.suffix, prefix_code_points, completion: `${sql}<|im_end|>` })}\n`;
}

/** Variants of a schema, each with an empty database of its tables, where a renamed query must run. */
async function openVariants(databaseId: string, schema: Schema, lenders: readonly Table[]) {
  const opened = [];
  for (let number = 1; number <= variants; number++) {
    const variant = schemaVariant(schema, seedOf(`${databaseId}~${String(number)}`), lenders);
    const database = new NodeDatabase();
    const read = await database.open(await createDatabase(variant.createTables));
    if (!read.ok) throw new Error(`${databaseId}, variant ${String(number)}: ${read.error.message}`);
    opened.push({ variant, database });
  }
  return opened;
}

/** FNV-1a: the same text has the same seed on every machine. */
function seedOf(text: string): number {
  return [...text].reduce((hash, letter) => Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0, 0x811c9dc5);
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
