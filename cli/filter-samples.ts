/**
 * Keeps the samples that a student can learn from: those that, run on the question's database, return what the gold query returns; of each question one.
 *
 *     npm run filter-samples -- --samples samples.jsonl --spider ../shared/spider --out traces.jsonl [--also-gold] [--report report.json]
 *         [--examples train.jsonl [--style compact]] [--repair]
 *
 * Samples are a teacher's (training/tabletalk_training/teacher.py) or a student's own. A trace a line: `{id, db_id, question, mode, sql, sample, samples,
 * right, agree, gold_rows, model, usage, cost}`; `right` of the `samples` passed, `agree` of these returned the kept one's rows in the same order.
 */
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Split } from '../src/evaluation/dataset.ts';
import { linkValues } from '../src/text-to-sql/link-values.ts';
import type { PromptStyle } from '../src/text-to-sql/prompt.ts';
import type { Facts } from '../src/text-to-sql/repair/facts.ts';
import { readFacts, repair } from '../src/text-to-sql/repair/repair.ts';
import { readArguments, runCommand, UsageError } from './arguments.ts';
import { chooseSample, type JudgedSample } from './choose-sample.ts';
import { FilterReport } from './filter-report.ts';
import { goldRows, judge, type Judged } from './judge-samples.ts';
import { Progress } from './progress.ts';
import { BATCH_LIMITS } from './repair-limits.ts';
import { readSamples, type Sample } from './samples-file.ts';
import { groupByDatabase, readSpiderExamples, type SpiderExample } from './spider-data.ts';
import { asOneLine, exampleLine, openWithValues, provenCanonical, returnTheSame, type Opened } from './training-examples.ts';

const STYLES = ['compact', 'create-table'] as const;

/** What a question is taught with, as a line of the traces. */
interface Trace {
  readonly id: string;
  readonly db_id: string;
  readonly question: string;
  /** `gold` where no sample passed and the gold query stands in. */
  readonly mode: string;
  readonly sql: string;
  readonly sample: number | null;
  readonly samples: number;
  readonly right: number;
  readonly agree: number;
  /** 0: every query without rows passes, so that a wrong one may be among the traces. */
  readonly gold_rows: number;
  readonly model: string;
  readonly usage: Sample['usage'];
  readonly cost: number;
}

await runCommand(async (args) => {
  const given = readArguments(
    'filter-samples',
    {
      samples: {
        type: 'string',
        multiple: true,
        value: 'FILE',
        required: true,
        help: 'samples, one JSON object a line; several are allowed',
      },
      spider: { type: 'string', value: 'DIR', required: true, help: 'Spider as published: the archive, or the folder' },
      out: { type: 'string', value: 'FILE', required: true, help: 'write the traces here' },
      'also-gold': { type: 'boolean', help: 'add the gold query of questions where no sample passed' },
      report: { type: 'string', value: 'FILE', help: 'write what was kept and what failed here, as JSON' },
      examples: { type: 'string', value: 'FILE', help: 'write training examples from the traces here, as npm run prepare-data does' },
      style: { type: 'string', value: STYLES.join('|'), help: 'of the examples’ prompts (compact)' },
      repair: { type: 'boolean', help: 'put each sample through the repair first, as the app does' },
      timeout: { type: 'string', value: 'SECONDS', help: 'how long one query may run (5)' },
    },
    args,
  );
  const style = STYLES.find((known) => known === (given.text('style') ?? 'compact'));
  if (style === undefined) throw new UsageError(`--style takes ${STYLES.join(' or ')}, not “${given.text('style') ?? ''}”.`);
  const [spider, alsoGold, repairs] = [given.required('spider'), given.flag('also-gold'), given.flag('repair')];
  const timeoutMs = (given.count('timeout') ?? 5) * 1000;
  const samples = new Map<string, Sample[]>();
  for (const file of given.texts('samples')) {
    for (const sample of await readSamples(file)) samples.set(sample.id, [...(samples.get(sample.id) ?? []), sample]);
  }
  const examples = await examplesOf(spider, samples);

  const traces = createWriteStream(given.required('out'));
  const examplesFile = given.text('examples');
  const training = examplesFile === undefined ? undefined : createWriteStream(examplesFile);
  const report = new FilterReport();
  const progress = new Progress('Filtering', examples.length);
  for (const [databaseId, own] of groupByDatabase(examples)) {
    const opened = await openWithValues(spider, databaseId);
    if (opened === undefined) {
      throw new UsageError(
        `The database ${databaseId} is not in ${path.join(spider, 'database')}. Get Spider whole, or leave its questions out.`,
      );
    }
    const facts = repairs ? await readFacts(opened.database, { schema: opened.schema }) : null;
    for (const example of own) {
      const asked = samples.get(example.id) ?? [];
      const answers = facts === null ? asked : await Promise.all(asked.map((sample) => repaired(sample, opened, example, facts)));
      const trace = await filterQuestion(opened, example, answers, { alsoGold, timeoutMs, report });
      if (trace !== undefined) {
        traces.write(`${JSON.stringify(trace)}\n`);
        if (training !== undefined) {
          const line = await trainingLine(style, trace, opened);
          if (line === undefined) report.notWritten.push(trace.id);
          else training.write(line);
        }
      }
      progress.advance();
    }
    await opened.database.close();
  }
  for (const file of [traces, training]) if (file !== undefined) await new Promise((resolve) => file.end(resolve));
  const summary = report.summary();
  if (given.text('report') !== undefined) await writeFile(given.required('report'), `${JSON.stringify(summary, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(summary)}\n`);
});

/** The questions that the samples answer, in the order of Spider's files. Throws UsageError for a sample of no question. */
async function examplesOf(spider: string, samples: ReadonlyMap<string, readonly Sample[]>): Promise<SpiderExample[]> {
  const examples: SpiderExample[] = [];
  const left = new Set(samples.keys());
  for (const split of ['train_spider', 'train_others', 'dev'] satisfies Split[]) {
    if (![...left].some((id) => id.startsWith(`${split}-`))) continue;
    for (const example of await readSpiderExamples(spider, split)) {
      if (!left.delete(example.id)) continue;
      const stray = samples.get(example.id)?.find((sample) => sample.databaseId !== example.databaseId);
      if (stray !== undefined) {
        throw new UsageError(
          `A sample of ${stray.id} is for ${stray.databaseId}, but that question is on ${example.databaseId}. Take the samples' own Spider.`,
        );
      }
      examples.push(example);
    }
  }
  const [unknown] = left;
  if (unknown !== undefined) throw new UsageError(`There is no usable question ${unknown} in ${spider}. Take the samples' own Spider.`);
  return examples;
}

async function repaired(sample: Sample, { database }: Opened, { question }: SpiderExample, facts: Facts): Promise<Sample> {
  if (sample.sql.trim() === '') return sample;
  return { ...sample, sql: (await repair(sample.sql, database, question, { facts, ...BATCH_LIMITS })).sql };
}

async function filterQuestion(
  { database }: Opened,
  { id, databaseId, question, query }: SpiderExample,
  samples: readonly Sample[],
  { alsoGold, timeoutMs, report }: { readonly alsoGold: boolean; readonly timeoutMs: number; readonly report: FilterReport },
): Promise<Trace | undefined> {
  const gold = await goldRows(database, query, timeoutMs);
  if (!gold.ok) {
    report.couldNotScore(id, samples, gold.error);
    return undefined;
  }
  const judgements = new Map<string, Judged>();
  for (const sql of new Set(samples.map((sample) => sample.sql))) judgements.set(sql, await judge(database, sql, gold.value, timeoutMs));
  const judged = samples.flatMap((sample): JudgedSample[] => {
    const judgement = judgements.get(sample.sql);
    return judgement === undefined ? [] : [{ ...sample, ...judgement }];
  });
  const chosen = chooseSample(judged);
  report.question(judged, chosen, { goldAdded: chosen === undefined && alsoGold, goldEmpty: gold.value.rows.length === 0 });
  const common = { id, db_id: databaseId, question };
  const counts = { samples: samples.length, right: chosen?.right ?? 0, agree: chosen?.agree ?? 0, gold_rows: gold.value.rows.length };
  if (chosen !== undefined) {
    const { mode, sql, number, model, usage, cost } = chosen.sample;
    return { ...common, mode, sql, sample: number, ...counts, model, usage, cost };
  }
  if (!alsoGold) return undefined;
  const usage = { prompt_tokens: 0, completion_tokens: 0 };
  return { ...common, mode: 'gold', sql: asOneLine(query), sample: null, ...counts, model: 'gold', usage, cost: 0 };
}

/** The trace as a training example: its query in our one style where that is proved, else on one line; undefined where one line changes its rows. */
async function trainingLine(style: PromptStyle, { id, db_id, question, sql }: Trace, opened: Opened): Promise<string | undefined> {
  const line = asOneLine(sql);
  const written = (await provenCanonical(sql, opened)) ?? ((await returnTheSame(sql, line, opened.database)) ? line : undefined);
  if (written === undefined) return undefined;
  return exampleLine(
    style,
    id,
    db_id,
    { schema: opened.schema, question, values: linkValues(question, opened.index, opened.schema) },
    written,
  );
}
