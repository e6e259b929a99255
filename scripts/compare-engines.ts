/**
 * `npm run compare-engines`: whether the CPU engine, with which the terminal measures, writes the same SQL as the browser. Asks both the same seeded
 * questions of Spider dev and writes reports/engines.json and reports/engines.md after each answer: started again, it goes on where it stopped.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { readArguments, runCommand, UsageError } from '../cli/arguments.ts';
import { askContext, openSpiderDatabase, readCard, type Card } from '../cli/ask-context.ts';
import { NativeEngine } from '../cli/native-engine.ts';
import { Progress } from '../cli/progress.ts';
import { readSpiderExamples } from '../cli/spider-data.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import type { Engine } from '../src/engine/engine.ts';
import { groupByDatabase } from '../src/evaluation/dataset.ts';
import { answer } from '../src/text-to-sql/answer.ts';
import { BrowserEngine } from './browser-engine.ts';
import { chooseQuestions } from './choose-questions.ts';
import { enginesMarkdown, enginesSummary, type ComparedQuestion, type EngineAnswer, type EnginesReport } from './engines-report.ts';

const root = resolve(import.meta.dirname, '..');
type EngineName = 'native' | 'browser';
type LoadableEngine = Pick<Engine<string>, 'load' | 'generate' | 'unload'>;

await runCommand(async (args) => {
  const given = readArguments(
    'compare-engines',
    {
      model: { type: 'string', value: 'FOLDER', required: true, help: 'a model folder, as the browser loads it' },
      spider: { type: 'string', value: 'DIR', required: true, help: 'Spider as published: the archive, or the folder' },
      questions: { type: 'string', value: 'N', help: 'how many questions (40), ten a database; the first of more are those of fewer' },
      seed: { type: 'string', value: 'N', help: 'another seed takes other questions (1)' },
      out: { type: 'string', value: 'DIR', help: 'where engines.json and engines.md go (reports)' },
    },
    args,
  );
  const folder = given.required('model');
  const spider = given.required('spider');
  const seed = given.count('seed') ?? 1;
  const count = given.count('questions') ?? 40;
  const out = given.text('out') ?? join(root, 'reports');
  const card = await readCard(folder);
  const chosen = chooseQuestions(await readSpiderExamples(spider, 'dev'), count, seed);

  const fresh: EnginesReport = {
    command: `npm run compare-engines -- --model ${relative(root, resolve(folder))} --spider ${spider} --questions ${String(count)}`,
    model: card.id,
    cardSha256: createHash('sha256')
      .update(readFileSync(join(folder, 'model-card.json')))
      .digest('hex'),
    seed,
    processors: `${String(cpus().length)} x ${cpus()[0]?.model ?? 'unknown'}`,
    measuredAt: new Date().toISOString(),
    questions: chosen.map(({ id, databaseId, question }) => ({ id, databaseId, question })),
  };
  let report = goOn(fresh, join(out, 'engines.json'));
  const keep = (id: string, engine: EngineName, answered: EngineAnswer): void => {
    report = {
      ...report,
      questions: report.questions.map((question) => (question.id === id ? { ...question, [engine]: answered } : question)),
    };
    write(out, report);
  };
  await ask('native', new NativeEngine(), { folder, spider, card, report, keep });
  await ask('browser', new BrowserEngine(), { folder, spider, card, report, keep });
  write(out, report);
  process.stdout.write(`${enginesSummary(report)}\n`);
});

interface Asking {
  readonly folder: string;
  readonly spider: string;
  readonly card: Card;
  readonly report: EnginesReport;
  readonly keep: (id: string, engine: EngineName, answered: EngineAnswer) => void;
}

/** Asks an engine what it has not answered yet, database by database: they share the schema's part of the KV cache. */
async function ask(name: EngineName, engine: LoadableEngine, { folder, spider, card, report, keep }: Asking): Promise<void> {
  const left = report.questions.filter((question) => question[name] === undefined);
  if (left.length === 0) return;
  try {
    process.stderr.write(`Loading ${card.id} (${name === 'native' ? 'CPU' : 'browser'})\n`);
    const loaded = await engine.load(folder);
    if (!loaded.ok) throw new UsageError(`${loaded.error.message} ${loaded.error.nextStep}\n${loaded.error.detail ?? ''}`);
    const progress = new Progress(name === 'native' ? 'CPU' : 'Browser', report.questions.length, report.questions.length - left.length);
    for (const [databaseId, own] of groupByDatabase(left)) {
      const database = new NodeDatabase();
      try {
        const schema = await openSpiderDatabase(database, spider, databaseId);
        const context = await askContext(database, schema, card);
        for (const { id, question } of own) {
          const { trace, outcome } = await answer(question, context, engine, database, { rowLimit: 1 });
          const { generation } = trace;
          if (generation === undefined) {
            const error = !outcome.ok && outcome.error.stage === 'model' ? outcome.error.error : null;
            throw new UsageError(`${id}: ${error?.message ?? 'no answer'} ${error?.nextStep ?? ''}\n${error?.detail ?? ''}`);
          }
          const { text, promptTokens, reusedTokens, completionTokens, prefillMs, decodeMs } = generation;
          const milliseconds = Math.round(prefillMs + decodeMs);
          keep(id, name, { text, sql: trace.modelSql ?? '', promptTokens, reusedTokens, completionTokens, milliseconds });
          progress.advance();
        }
      } finally {
        await database.close();
      }
    }
  } finally {
    await engine.unload();
  }
}

/** The report with what an earlier run of the same model has answered already. */
function goOn(fresh: EnginesReport, file: string): EnginesReport {
  if (!existsSync(file)) return fresh;
  const before = JSON.parse(readFileSync(file, 'utf8')) as EnginesReport;
  if (before.cardSha256 !== fresh.cardSha256) return fresh;
  const known = new Map<string, ComparedQuestion>(before.questions.map((question) => [question.id, question]));
  return { ...fresh, questions: fresh.questions.map((question) => ({ ...known.get(question.id), ...question })) };
}

/** Written aside and then renamed: a run that is killed leaves the old file or the new one. */
function write(out: string, report: EnginesReport): void {
  mkdirSync(out, { recursive: true });
  for (const [name, text] of [
    ['engines.json', `${JSON.stringify(report, null, 2)}\n`],
    ['engines.md', enginesMarkdown(report)],
  ] as const) {
    writeFileSync(join(out, `${name}.new`), text);
    renameSync(join(out, `${name}.new`), join(out, name));
  }
}
