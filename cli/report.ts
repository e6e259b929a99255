import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PUBLISHED_ROWS } from '../src/evaluation/published.ts';
import { makeReport } from '../src/evaluation/report.ts';
import type { CostRow, ReportedModel } from '../src/evaluation/report.ts';
import { readArguments, runCommand, UsageError } from './arguments.ts';
import { readPredictions } from './predictions-file.ts';
import { Progress } from './progress.ts';
import { scorePredictions } from './score-predictions.ts';
import { teacherCost } from './teacher-cost.ts';

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
      out: { type: 'string', value: 'DIR', help: 'where results.md and figures/ go (reports)' },
    },
    args,
  );
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
    });
    models.push({
      name,
      bytes,
      questions: scored.map(({ index, databaseId, question, verdict, milliseconds }) => ({
        index,
        databaseId,
        question,
        exec: verdict.exec,
        exactMatch: verdict.exactMatch,
        hardness: verdict.hardness,
        failureMode: verdict.failureMode,
        ...(milliseconds === undefined ? {} : { milliseconds }),
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
  const command = `npm run report -- --spider ${given.required('spider')} ${spoken.join(' ')}`;
  const tokenizer = given.text('teacher');
  const costs = tokenizer === undefined ? [] : [await teacherCost(given.required('spider'), tokenizer), ...students];
  const report = makeReport(models, PUBLISHED_ROWS, tokenizer === undefined ? command : `${command} --teacher ${tokenizer}`, costs);
  await mkdir(path.join(out, 'figures'), { recursive: true });
  await writeFile(path.join(out, 'results.md'), report.markdown);
  for (const [name, svg] of Object.entries(report.figures)) await writeFile(path.join(out, 'figures', name), svg);
  process.stderr.write(`Written: ${path.join(out, 'results.md')}\n`);
});

function readModelOption(option: string): { readonly name: string; readonly file: string; readonly bytes: number | null } {
  const parts = /^([^=]+)=(.+?)(?:@(\d+))?$/u.exec(option);
  if (parts?.[1] === undefined || parts[2] === undefined)
    throw new UsageError(`--model ${option}: expected NAME=FILE or NAME=FILE@MEGABYTES.`);
  return { name: parts[1], file: parts[2], bytes: parts[3] === undefined ? null : Number(parts[3]) * 1e6 };
}
