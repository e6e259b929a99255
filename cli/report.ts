import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { PUBLISHED_ROWS } from '../src/evaluation/published.ts';
import { makeReport } from '../src/evaluation/report.ts';
import type { CostRow, LearningCurve, ReportedModel } from '../src/evaluation/report.ts';
import { readArguments, runCommand, UsageError } from './arguments.ts';
import { readPredictions } from './predictions-file.ts';
import { Progress } from './progress.ts';
import { scorePredictions } from './score-predictions.ts';
import { teacherCost } from './teacher-cost.ts';

const Step = v.object({ event: v.literal('step'), questions: v.number(), loss: v.number() });

/** `npm run report`: scores predictions files and writes reports/results.md with its figures. */
await runCommand(async (args) => {
  const given = readArguments(
    'report',
    {
      model: {
        type: 'string',
        multiple: true,
        required: true,
        value: 'NAME=FILE[@MB]',
        help: 'a model’s predictions and its download; once a model, the weakest first',
      },
      spider: { type: 'string', value: 'DIR', required: true, help: 'folder with dev.json, tables.json and database/' },
      teacher: {
        type: 'string',
        value: 'FOLDER',
        help: 'compare the cost with a teacher over an API; tokens by the tokenizer of this model folder',
      },
      suites: {
        type: 'string',
        value: 'DIR',
        help: 'test suites (npm run make-suites, or the official ones), for the share that is right on all their databases too',
      },
      curve: { type: 'string', multiple: true, value: 'NAME=LOG', help: 'the log of a training run, for its learning curve' },
      notes: { type: 'string', value: 'FILE', help: 'Markdown to put at the end' },
      title: { type: 'string', value: 'TEXT', help: 'its heading (Results on Spider dev)' },
      name: {
        type: 'string',
        value: 'NAME',
        help: 'the file’s name without .md (results); another name begins the figures’ names as well',
      },
      out: { type: 'string', value: 'DIR', help: 'where NAME.md and figures/ go (reports)' },
    },
    args,
  );
  const suites = given.text('suites');
  const models: ReportedModel[] = [];
  const students: CostRow[] = [];
  const spoken: string[] = [];
  for (const option of given.texts('model')) {
    const { name, file, bytes } = readModelOption(option);
    const predictions = await readPredictions(file);
    const progress = new Progress(`Scoring ${name}`, predictions.length);
    const { scored } = await scorePredictions(given.required('spider'), predictions, {
      onScored: () => {
        progress.advance();
      },
      ...(suites === undefined ? {} : { suites }),
    });
    models.push({
      name,
      bytes,
      ...speedOf(scored.map((one) => one.line)),
      questions: scored.map(({ index, databaseId, question, verdict, milliseconds, testSuite }) => ({
        index,
        databaseId,
        question,
        exec: verdict.exec,
        exactMatch: verdict.exactMatch,
        hardness: verdict.hardness,
        failureMode: verdict.failureMode,
        ...(milliseconds === undefined ? {} : { milliseconds }),
        ...(testSuite === undefined ? {} : { testSuite }),
      })),
    });
    const counted = scored.flatMap(({ line: { prompt_tokens: prompt, completion_tokens: completion } }) =>
      typeof prompt === 'number' && typeof completion === 'number' ? [{ prompt, completion }] : [],
    );
    if (counted.length > 0) {
      const mean = (of: (one: { prompt: number; completion: number }) => number): number =>
        counted.reduce((sum, one) => sum + of(one), 0) / counted.length;
      students.push({
        name,
        promptTokens: mean((one) => one.prompt),
        completionTokens: mean((one) => one.completion),
        dollarsPerMillion: null,
      });
    }
    spoken.push(`--model "${option}"`);
  }
  const out = given.text('out') ?? 'reports';
  const name = given.text('name') ?? 'results';
  const curves = given.texts('curve');
  const [tokenizer, title, notes] = [given.text('teacher'), given.text('title'), given.text('notes')];
  for (const [option, value] of Object.entries({ suites, teacher: tokenizer, title, notes, name: given.text('name') }))
    if (value !== undefined) spoken.push(`--${option} ${/\s/u.test(value) ? `"${value}"` : value}`);
  for (const curve of curves) spoken.push(`--curve "${curve}"`);
  const report = makeReport(models, PUBLISHED_ROWS, {
    command: `npm run report -- --spider ${given.required('spider')} ${spoken.join(' ')}`,
    prefix: name === 'results' ? '' : `${name}-`,
    costs: tokenizer === undefined ? [] : [await teacherCost(given.required('spider'), tokenizer), ...students],
    curves: await Promise.all(curves.map(readCurve)),
    ...(title === undefined ? {} : { title }),
    ...(notes === undefined ? {} : { notes: await readFile(notes, 'utf8') }),
  });
  await mkdir(path.join(out, 'figures'), { recursive: true });
  await writeFile(path.join(out, `${name}.md`), report.markdown);
  for (const [figure, svg] of Object.entries(report.figures)) await writeFile(path.join(out, 'figures', figure), svg);
  process.stderr.write(`Written: ${path.join(out, `${name}.md`)}\n`);
});

/** Tokens a second over all questions that say what they took; a schema that was in the cache was not read again. */
function speedOf(lines: readonly Readonly<Record<string, unknown>>[]): {
  readonly speed?: { readonly read: number; readonly written: number };
} {
  const timed = lines.filter((line) => typeof line.prefill_ms === 'number' && typeof line.decode_ms === 'number');
  const sum = (field: string): number => timed.reduce((total, line) => total + (typeof line[field] === 'number' ? line[field] : 0), 0);
  const [prefill, decode] = [sum('prefill_ms') / 1000, sum('decode_ms') / 1000];
  if (prefill === 0 || decode === 0) return {};
  return { speed: { read: (sum('prompt_tokens') - sum('reused_tokens')) / prefill, written: sum('completion_tokens') / decode } };
}

async function readCurve(option: string): Promise<LearningCurve> {
  const [name = '', file] = option.split('=');
  if (file === undefined) throw new UsageError(`--curve ${option}: expected NAME=LOG.`);
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  let seen = 0;
  const steps = lines.flatMap((line) => {
    const step = v.safeParse(Step, JSON.parse(line));
    if (!step.success) return [];
    seen += step.output.questions;
    return [{ seen, loss: step.output.loss }];
  });
  if (steps.length === 0) throw new UsageError(`${file} holds no step of a training run. Give the log.jsonl of one.`);
  return { name, steps };
}

function readModelOption(option: string): { readonly name: string; readonly file: string; readonly bytes: number | null } {
  const parts = /^([^=]+)=(.+?)(?:@(\d+))?$/u.exec(option);
  if (parts?.[1] === undefined || parts[2] === undefined)
    throw new UsageError(`--model ${option}: expected NAME=FILE or NAME=FILE@MEGABYTES.`);
  return { name: parts[1], file: parts[2], bytes: parts[3] === undefined ? null : Number(parts[3]) * 1e6 };
}
