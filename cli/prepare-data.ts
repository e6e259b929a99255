/**
 * Writes the examples that training and prediction work on: prompts exactly as the app builds them.
 *
 *     npm run prepare-data -- --spider ../shared/spider --out ../data [--style compact] [--variants 3] [--questions 3] [--teacher]
 *
 * Out come `train.jsonl` (train_spider and train_others) and `dev.jsonl` (the 1,026 usable questions), one object a line:
 * `{id, db_id, prompt, prefix_code_points, completion}`, and `dev100.json`, the ids of a fixed sample of 100 dev questions.
 * A completion is the gold query in our one style (canonical-sql.ts) where both return the same rows, else the gold query as it is.
 * With `--variants N`, `train.jsonl` also has each example N times under other names of tables and columns (schema-variant.ts; id `train_spider-7~2`),
 * where the renamed query still reads on the renamed schema. With `--questions N` it also has up to N questions made of each (question-variant.ts; id
 * `train_spider-7+2`), on the own schema and the renamed ones in turn, where their queries run on the database. With `--teacher`, `teacher.jsonl` has each train question as a teacher is asked
 * (teacher-prompts.ts).
 */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Schema, Table } from '../src/database/database.ts';
import { createDatabase } from '../src/database/node/create-database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { fnv1a } from '../src/evaluation/fnv1a.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import { linkValues } from '../src/text-to-sql/link-values.ts';
import type { PromptStyle } from '../src/text-to-sql/prompt.ts';
import { questionVariant, type QuestionVariant } from './question-variant.ts';
import { schemaVariant } from './schema-variant.ts';
import { groupByDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';
import { writeTeacherPrompts } from './teacher-prompts.ts';
import { asOneLine, exampleLine, openWithValues, provenCanonical, queryTimeoutMs, type Opened } from './training-examples.ts';

const { values: options } = parseArgs({
  options: {
    spider: { type: 'string' },
    out: { type: 'string' },
    style: { type: 'string', default: 'compact' },
    variants: { type: 'string', default: '0' },
    questions: { type: 'string', default: '0' },
    teacher: { type: 'boolean', default: false },
  },
});
const style = (['compact', 'create-table'] as const).find((known) => known === options.style);
if (options.spider === undefined || options.out === undefined || style === undefined) {
  console.error(
    'usage: npm run prepare-data -- --spider DIR --out DIR [--style compact|create-table] [--variants N] [--questions N] [--teacher]',
  );
  process.exit(2);
}
const { spider, out } = { spider: options.spider, out: options.out };
const promptStyle: PromptStyle = style;
const variants = Number(options.variants);
const questions = Number(options.questions);

await mkdir(out, { recursive: true });
const train = [...(await readSpiderExamples(spider, 'train_spider')), ...(await readSpiderExamples(spider, 'train_others'))];
await writeExamples('train', train);
const dev = await readSpiderExamples(spider, 'dev');
await writeExamples('dev', dev);
await writeFile(path.join(out, 'dev100.json'), `${JSON.stringify(sample(dev, 100).map((example) => example.id))}\n`);
if (options.teacher) {
  console.log(JSON.stringify({ file: 'teacher.jsonl', ...(await writeTeacherPrompts(spider, train, path.join(out, 'teacher.jsonl'))) }));
}

async function writeExamples(name: string, examples: readonly SpiderExample[]): Promise<void> {
  const file = createWriteStream(path.join(out, `${name}.jsonl`));
  const counts = { written: 0, canonical: 0, original: 0, noDatabase: 0, linked: 0, variants: 0, questions: 0 };
  const byDatabase = groupByDatabase(examples);
  const lenders: Table[] = [];
  for (const [databaseId, own] of byDatabase) {
    const opened = await openWithValues(spider, databaseId);
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
      file.write(
        exampleLine(promptStyle, id, databaseId, { schema: opened.schema, question, values }, canonical ?? asOneLine(example.query)),
      );
      if (canonical === undefined) continue;
      for (const [at, { variant, database }] of renamed.entries()) {
        const sql = variant.rename(canonical);
        if (sql === undefined || !(await database.run(sql, { rowLimit: 1, timeoutMs: queryTimeoutMs })).ok) continue;
        const input = { schema: variant.schema, question, values: variant.renameValues(values) };
        file.write(exampleLine(promptStyle, `${id}~${String(at + 1)}`, databaseId, input, sql));
        counts.variants++;
      }
      if (name !== 'train') continue;
      for (const [at, made] of (await questionVariants(example, canonical, opened)).entries()) {
        const linked = linkValues(made.question, opened.index, opened.schema);
        // On the schema as it is first, then on each of the renamed ones.
        const place = renamed[(at % (renamed.length + 1)) - 1];
        const sql = place === undefined ? made.sql : place.variant.rename(made.sql);
        if (sql === undefined || (place !== undefined && !(await place.database.run(sql, { rowLimit: 1, timeoutMs: queryTimeoutMs })).ok))
          continue;
        const input = {
          question: made.question,
          schema: place?.variant.schema ?? opened.schema,
          values: place?.variant.renameValues(linked) ?? linked,
        };
        file.write(exampleLine(promptStyle, `${id}+${String(at + 1)}`, databaseId, input, sql));
        counts.questions++;
      }
    }
    for (const { database } of [opened, ...renamed]) await database.close();
    process.stderr.write(`\r${name}: ${String(counts.written + counts.noDatabase)} of ${String(examples.length)}`);
  }
  await new Promise((resolve) => file.end(resolve));
  process.stderr.write('\n');
  console.log(JSON.stringify({ file: `${name}.jsonl`, ...counts }));
}

/** Questions made of one, all different, whose queries run. */
async function questionVariants({ id, question }: SpiderExample, sql: string, opened: Opened): Promise<QuestionVariant[]> {
  const cells = (table: string, column: string) =>
    opened.values.find((values) => values.table.toLowerCase() === table && values.column.toLowerCase() === column)?.values ?? [];
  const found = new Map<string, QuestionVariant>();
  for (let number = 1; number <= questions; number++) {
    const made = questionVariant(question, sql, opened.schema, cells, seededRandom(fnv1a(`${id}+${String(number)}`)));
    const canonical = made === undefined ? undefined : await provenCanonical(made.sql, opened);
    if (made !== undefined && canonical !== undefined) found.set(canonical, { ...made, sql: canonical });
  }
  return [...found.values()];
}

/** Variants of a schema, each with an empty database of its tables, where a renamed query must run. */
async function openVariants(databaseId: string, schema: Schema, lenders: readonly Table[]) {
  const opened = [];
  for (let number = 1; number <= variants; number++) {
    const variant = schemaVariant(schema, fnv1a(`${databaseId}~${String(number)}`), lenders);
    const database = new NodeDatabase();
    const read = await database.open(await createDatabase(variant.createTables));
    if (!read.ok) throw new Error(`${databaseId}, variant ${String(number)}: ${read.error.message}`);
    opened.push({ variant, database });
  }
  return opened;
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
