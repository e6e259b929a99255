import { appendFile, readFile, writeFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { Database } from '../src/database/database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import type { Engine } from '../src/engine/engine.ts';
import { scoreBird } from '../src/evaluation/bird.ts';
import { foreignKeyMap } from '../src/evaluation/foreign-key-map.ts';
import { Scorer } from '../src/evaluation/score.ts';
import type { Verdict } from '../src/evaluation/score.ts';
import { answer } from '../src/text-to-sql/answer.ts';
import type { AnswerOptions, AskContext, Trace } from '../src/text-to-sql/answer.ts';
import { readFacts, repair } from '../src/text-to-sql/repair/repair.ts';
import { readArguments, runCommand, UsageError } from './arguments.ts';
import { askContext, openSpiderDatabase, readCard, type Card } from './ask-context.ts';
import { NativeEngine } from './native-engine.ts';
import { Progress } from './progress.ts';
import { groupByDatabase, readSpiderExamples, readSpiderTables } from './spider-data.ts';
import type { SpiderExample } from './spider-data.ts';

/**
 * `npm run predict`: asks a model folder the questions of Spider dev, on the way that a question takes in the app, and writes a prediction a
 * line (DESIGN.md, predictions JSONL) as it goes. Started again with the same --out, it goes on where it stopped.
 */
async function main(args: readonly string[]): Promise<void> {
  const given = readArguments(
    'predict',
    {
      model: { type: 'string', value: 'FOLDER', required: true, help: 'a model folder, as the browser loads it' },
      spider: {
        type: 'string',
        value: 'DIR',
        help: 'Spider as published: the archive, or the folder with dev.json, tables.json and database/',
      },
      bird: { type: 'string', value: 'DIR', help: 'instead of --spider: BIRD as published; its evidence goes into the prompt' },
      out: { type: 'string', value: 'FILE', required: true, help: 'predictions, one JSON object a line; what is there is kept' },
      db: { type: 'string', value: 'ID', help: 'only the questions on this database' },
      ids: { type: 'string', value: 'FILE', help: 'only these questions: a number (0-based in dev.json) or dev-12 a line' },
      limit: { type: 'string', value: 'N', help: 'only the first N questions' },
      'schema-budget': {
        type: 'string',
        value: 'N',
        help: 'prompt tokens that the schema may take (default: the model card says, else 1500)',
      },
      repair: { type: 'boolean', help: 'repair the SQL by the database, as the app does' },
      engines: { type: 'string', value: 'N', help: 'so many at once, each a process with the weights and one core (default: 1)' },
      free: { type: 'boolean', help: 'do not hold the model to the names of the schema, as the app does' },
    },
    args,
  );
  const folder = given.required('model');
  const spider = given.text('bird') ?? given.required('spider');
  const out = given.required('out');
  const card = await readCard(folder);
  const schemaBudget = given.count('schema-budget') ?? card.schemaBudget;
  const wanted = await questions(spider, given.text('db'), given.text('ids'), given.count('limit'));
  const done = await answered(out, card.id);
  const left = wanted.filter((example) => !done.has(example.id));
  if (left.length === 0) {
    process.stderr.write(`All ${String(wanted.length)} questions are answered in ${out}.\n`);
    return;
  }

  const tables = await readSpiderTables(spider);
  const progress = new Progress('Answering', wanted.length, wanted.length - left.length);
  let right = 0;
  const asked: Asked = {
    spider,
    card: { ...card, ...(schemaBudget === undefined ? {} : { schemaBudget }) },
    scored: given.text('bird') === undefined,
    foreignKeys: (databaseId) => {
      const entry = tables.get(databaseId);
      return entry === undefined ? new Map() : foreignKeyMap(entry);
    },
    repaired: given.flag('repair'),
    constrained: !given.flag('free'),
    say: async (line) => {
      await appendFile(out, `${JSON.stringify({ ...line, model: card.id })}\n`);
      if (line.exec_match === true) right += 1;
      progress.advance(`${String(right)} right`);
    },
  };

  // All questions of one database in turn: they share the schema's part of the KV cache.
  const byDatabase = [...groupByDatabase(left)];
  process.stderr.write(`Loading ${card.id} (the first time on a machine it is compiled, about a minute)\n`);
  const engines = Array.from({ length: Math.min(given.count('engines') ?? 1, byDatabase.length) }, () => new NativeEngine());
  try {
    // One after the other: the first compiles it for the rest.
    for (const engine of engines) {
      const loaded = await engine.load(folder);
      if (!loaded.ok) throw new UsageError(`${loaded.error.message} ${loaded.error.nextStep}\n${loaded.error.detail ?? ''}`);
    }
    await Promise.all(
      engines.map(async (engine) => {
        for (let next = byDatabase.shift(); next !== undefined; next = byDatabase.shift()) await askDatabase(...next, engine, asked);
      }),
    );
  } finally {
    await Promise.all(engines.map((engine) => engine.unload()));
  }
}

interface Asked {
  readonly spider: string;
  readonly card: Card;
  /** false: by BIRD's own metric. */
  readonly scored: boolean;
  readonly foreignKeys: (databaseId: string) => ReadonlyMap<string, string>;
  readonly repaired: boolean;
  readonly constrained: boolean;
  readonly say: (line: Readonly<Record<string, unknown>>) => Promise<void>;
}

async function askDatabase(
  databaseId: string,
  examples: readonly SpiderExample[],
  engine: Pick<Engine<never>, 'generate'>,
  { spider, card, scored, foreignKeys, repaired, constrained, say }: Asked,
): Promise<void> {
  const database = new NodeDatabase();
  try {
    const schema = await openSpiderDatabase(database, spider, databaseId);
    const context = await askContext(database, schema, card);
    const scorer = scored ? new Scorer(database, schema, foreignKeys(databaseId)) : null;
    const facts = repaired ? await readFacts(database, { schema }) : null;
    for (const example of examples) await say(await predictOne(example, context, engine, database, { scorer, facts, constrained }));
  } finally {
    await database.close();
  }
}

type Facts = Awaited<ReturnType<typeof readFacts>>;

interface PredictOptions {
  /** null: BIRD's own metric. */
  readonly scorer: Scorer | null;
  /** null: without repair. */
  readonly facts: Facts;
  readonly constrained: boolean;
}

async function predictOne(
  example: SpiderExample,
  context: AskContext,
  engine: Pick<Engine<never>, 'generate'>,
  database: Database,
  { scorer, facts, constrained }: PredictOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const ask = async (options: AnswerOptions): Promise<Trace> => {
    const { trace, outcome } = await answer(example.question, context, engine, database, {
      rowLimit: 1,
      constrained,
      ...(example.evidence === undefined ? {} : { evidence: example.evidence }),
      ...options,
    });
    // A model that has stopped ends the run; a question that does not fit is an empty answer.
    if (!outcome.ok && outcome.error.stage === 'model' && outcome.error.error.code !== 'prompt-too-long') {
      const { message, nextStep, detail = '' } = outcome.error.error;
      throw new UsageError(`${message} ${nextStep}\n${detail}\nWhat is answered so far is kept: start again to go on.`);
    }
    return trace;
  };
  const trace = await ask(facts === null ? {} : { repair: (sql, question) => repair(sql, database, question, { facts }) });
  const isOverruled = (trace.generation?.overruledTokens ?? 0) > 0;
  const forRepair = isOverruled ? (await ask({ strict: false })).sql : undefined;
  const predicted = trace.sql ?? '';
  const { generation } = trace;
  return {
    question_id: example.id,
    index: example.index,
    db_id: example.databaseId,
    gold_sql: example.query,
    pred_sql: predicted,
    ...(scorer === null ? await birdFields(example, predicted, database) : spiderFields(await scorer.score(example.query, predicted))),
    ...(facts === null ? {} : { model_sql: trace.modelSql ?? '' }),
    ...(forRepair === undefined ? {} : { sql_for_repair: forRepair }),
    ...(generation === undefined
      ? {}
      : {
          prompt_tokens: generation.promptTokens,
          reused_tokens: generation.reusedTokens,
          completion_tokens: generation.completionTokens,
          steered_tokens: generation.steeredTokens,
          overruled_tokens: generation.overruledTokens,
          prefill_ms: generation.prefillMs,
          decode_ms: generation.decodeMs,
        }),
  };
}

function spiderFields({ hardness, exec, exactMatch, failureMode }: Verdict): object {
  return {
    difficulty: hardness,
    exec_match: exec === null ? null : exec === 1,
    exact_set_match: exactMatch === null ? null : exactMatch === 1,
    failure_mode: failureMode,
  };
}

async function birdFields({ query, difficulty }: SpiderExample, predicted: string, database: Database): Promise<object> {
  const { exec } = await scoreBird(query, predicted, database);
  return { difficulty: difficulty ?? null, exec_match: exec === null ? null : exec === 1 };
}

async function questions(
  spider: string,
  database: string | undefined,
  idFile: string | undefined,
  limit: number | undefined,
): Promise<SpiderExample[]> {
  const examples = await readSpiderExamples(spider, 'dev');
  const ids =
    idFile === undefined
      ? null
      : new Set(
          (await readFile(idFile, 'utf8'))
            .split(/\s+/u)
            .filter((id) => id !== '')
            .map((id) => `dev-${id.replace('dev-', '')}`),
        );
  return examples
    .filter((example) => (database === undefined || example.databaseId === database) && (ids === null || ids.has(example.id)))
    .slice(0, limit);
}

const Answered = v.looseObject({ question_id: v.string(), model: v.string() });

/** The questions that `out` holds already. A last line that was cut off by the end of the process is taken away. */
async function answered(out: string, model: string): Promise<Set<string>> {
  let text: string;
  try {
    text = await readFile(out, 'utf8');
  } catch {
    return new Set();
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) await writeFile(out, whole);
  const lines = whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => v.safeParse(Answered, JSON.parse(line)));
  return new Set(
    lines.map((line) => {
      if (!line.success || line.output.model !== model)
        throw new UsageError(`${out} holds other predictions than those of ${model}. Give another --out.`);
      return line.output.question_id;
    }),
  );
}

await runCommand(main);
