/**
 * Measures schema and value linking on Spider dev and writes reports/linking.md.
 *
 *     npm run measure-linking -- --spider ../shared/spider [--model public/models/ID] [--out reports/linking.md]
 *
 * Budgets count as the app counts them (`estimateTokens`: no tokenizer is at hand before the model is loaded); prompts are counted by the model's own tokenizer.
 * Recall: the share of questions whose every gold table (or column) is in the linked schema. Coverage: the share of the gold query's
 * string literals (without LIKE patterns) that are among the linked cells, compared without case and outer blanks.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import type { Schema } from '../src/database/database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { buildSchemaIndex, linkSchema, type SchemaIndex } from '../src/text-to-sql/link-schema.ts';
import { buildValueIndex, linkValues, type ColumnValues, type ValueIndex } from '../src/text-to-sql/link-values.ts';
import { buildPrompt } from '../src/text-to-sql/prompt.ts';
import { readColumnValues } from '../src/text-to-sql/read-column-values.ts';
import { foldName } from '../src/text-to-sql/sql-name.ts';
import { readSpiderDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';

const { values: options } = parseArgs({
  options: {
    spider: { type: 'string' },
    model: { type: 'string', default: 'public/models/tabletalk-smollm2-135m' },
    out: { type: 'string', default: 'reports/linking.md' },
  },
});
if (options.spider === undefined) {
  console.error('usage: npm run measure-linking -- --spider DIR [--model FOLDER] [--out FILE]');
  process.exit(2);
}
const spider = options.spider;
const budgets = [1_500, 800, 400, 300, 280, 260, 240, 200, 100];

interface Opened {
  readonly schema: Schema;
  readonly index: SchemaIndex;
  readonly values: ValueIndex;
}

interface Gold {
  readonly tables: ReadonlySet<string>;
  /** `table.column`. */
  readonly columns: ReadonlySet<string>;
}

const examples = await readSpiderExamples(spider, 'dev');
const golds = await readGold();
const databases = new Map<string, Opened>();
for (const { databaseId } of examples) if (!databases.has(databaseId)) databases.set(databaseId, await open(databaseId));

const tokenizer = await readTokenizer(options.model);
const rows = budgets.map((budget) => recallAt(budget));
const cells = valueCoverage();
const million = timeMillionCells();
const report = `# Schema and value linking on Spider dev

Made by \`npm run measure-linking -- --spider ../shared/spider\`: 1,026 questions, compact style. A schema budget counts tokens by
\`estimateTokens\`, which errs high and is what the page has before a model is loaded; the prompts are counted by the embedded model's own tokenizer.

| schema budget | with every gold table | with every gold column | schema shown whole | prompts within 250 tokens | mean prompt |
|---:|---:|---:|---:|---:|---:|
${rows
  .map((row) => {
    const shares = [row.tables, row.columns, row.whole, row.short].map(percent);
    return `| ${[String(row.budget), ...shares, (row.tokens / examples.length).toFixed(0)].join(' | ')} |`;
  })
  .join('\n')}

Values: ${String(cells.covered)} of ${String(cells.literals)} gold string literals are linked (${((100 * cells.covered) / cells.literals).toFixed(1)}%);
${String(cells.extra)} links name a cell that the gold query does not use.

One million distinct cells (two words each, eight columns): index built in ${million.buildSeconds.toFixed(1)} s, a question looked up in ${million.lookupMs.toFixed(2)} ms
(median of 20; one run on a shared machine).
`;
await writeFile(options.out, report);
console.log(report);

function opened(example: SpiderExample): Opened {
  const one = databases.get(example.databaseId);
  if (!one) throw new Error(`${example.databaseId} is not open`);
  return one;
}

async function open(databaseId: string): Promise<Opened> {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (!bytes) throw new Error(`${databaseId}: no such database in ${spider}`);
  const database = new NodeDatabase();
  const result = await database.open(bytes);
  if (!result.ok) throw new Error(`${databaseId}: ${result.error.message}`);
  const values = buildValueIndex(await readColumnValues(database, result.value));
  await database.close();
  return { schema: result.value, index: buildSchemaIndex(result.value), values };
}

function recallAt(budget: number) {
  const counts = { budget, tables: 0, columns: 0, whole: 0, short: 0, tokens: 0 };
  for (const [at, example] of examples.entries()) {
    const { schema, index, values } = opened(example);
    const cells = linkValues(example.question, values, schema);
    const linked = linkSchema(example.question, index, { style: 'compact', budget, values: cells });
    const tables = new Set(linked.schema.tables.map((table) => foldName(table.name)));
    const columns = new Set(
      linked.schema.tables.flatMap((table) => table.columns.map((column) => `${foldName(table.name)}.${foldName(column.name)}`)),
    );
    const gold = golds[at];
    if (!gold) throw new Error('gold and examples differ in length');
    if ([...gold.tables].every((table) => tables.has(table))) counts.tables++;
    if ([...gold.columns].every((column) => columns.has(column))) counts.columns++;
    if (linked.complete) counts.whole++;
    const { prefix, suffix } = buildPrompt('compact', { schema: linked.schema, question: example.question, values: cells });
    const length = countTokens(prefix) + countTokens(suffix);
    counts.tokens += length;
    if (length <= 250) counts.short++;
  }
  return counts;
}

async function readTokenizer(folder: string): Promise<Tokenizer> {
  const [model, config] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json'].map(async (file) => JSON.parse(await readFile(path.join(folder, file), 'utf8')) as object),
  );
  return new Tokenizer(model ?? {}, config ?? {});
}

function countTokens(text: string): number {
  return tokenizer.encode(text, { add_special_tokens: false }).ids.length;
}

function valueCoverage() {
  const counts = { literals: 0, covered: 0, extra: 0 };
  const fold = (text: string): string => text.trim().toLowerCase();
  for (const example of examples) {
    const { schema, values } = opened(example);
    const linked = new Set(linkValues(example.question, values, schema).map((value) => fold(value.value)));
    const texts = [...example.query.matchAll(/'((?:[^']|'')*)'|"((?:[^"]|"")*)"/g)].map((match) => fold(match[1] ?? match[2] ?? ''));
    const literals = texts.filter((text) => !text.includes('%'));
    counts.literals += literals.length;
    counts.covered += literals.filter((text) => linked.has(text)).length;
    counts.extra += [...linked].filter((text) => !literals.includes(text)).length;
  }
  return counts;
}

/** Gold tables and columns from the parse that comes with dev.json. */
async function readGold(): Promise<Gold[]> {
  const [dev, tables] = await Promise.all(
    ['dev.json', 'tables.json'].map(
      async (file) => JSON.parse(await readFile(path.join(spider, file), 'utf8')) as Record<string, unknown>[],
    ),
  );
  const schemas = new Map((tables ?? []).map((one) => [one.db_id, one]));
  return examples.map((example) => {
    const parsed = dev?.[Number(example.id.slice('dev-'.length))]?.sql;
    const schema = schemas.get(example.databaseId);
    if (!schema) throw new Error(`${example.databaseId} is not in tables.json`);
    const tableNames = schema.table_names_original as string[];
    const columnNames = schema.column_names_original as [number, string][];
    const gold = { tables: new Set<string>(), columns: new Set<string>() };
    collect(parsed);
    return gold;

    function collect(node: unknown): void {
      if (Array.isArray(node)) {
        const [first, second, third] = node as unknown[];
        if (first === 'table_unit' && typeof second === 'number') gold.tables.add(foldName(tableNames[second] ?? ''));
        // A column unit is [aggregate, column, distinct]; column 0 is the star.
        if (node.length === 3 && typeof first === 'number' && typeof second === 'number' && typeof third === 'boolean' && second > 0) {
          const [table, column] = columnNames[second] ?? [0, ''];
          gold.columns.add(`${foldName(tableNames[table] ?? '')}.${foldName(column)}`);
        }
        for (const child of node) collect(child);
      } else if (typeof node === 'object' && node !== null) for (const child of Object.values(node)) collect(child);
    }
  });
}

function timeMillionCells() {
  const columns: ColumnValues[] = Array.from({ length: 8 }, (_, column) => ({
    table: 'people',
    column: `name_${String(column)}`,
    values: Array.from({ length: 125_000 }, (__, at) => `given${String(at % 1_000)} family${String(column)}x${String(at)}`),
  }));
  const start = performance.now();
  const index = buildValueIndex(columns);
  const buildSeconds = (performance.now() - start) / 1_000;
  const times = Array.from({ length: 20 }, (_, at) => {
    const begun = performance.now();
    linkValues(`What did given${String(at)} family3x${String(at)} buy in the shop of given7 family1x7?`, index, { tables: [] });
    return performance.now() - begun;
  }).sort((a, b) => a - b);
  return { buildSeconds, lookupMs: times[10] ?? NaN };
}

function percent(count: number): string {
  return `${((100 * count) / examples.length).toFixed(1)}%`;
}
