import initSqlJs from 'sql.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { InProcessDatabase } from '../database/node/node-database.ts';
import type { GenerateOptions, GenerateRequest } from '../engine/engine.ts';
import { failure, success } from '../result.ts';
import { answer, sharedPrefix, type AnswerOptions, type AskContext } from './answer.ts';
import { buildSchemaIndex } from './link-schema.ts';
import { buildValueIndex } from './link-values.ts';
import { readFacts, repair } from './repair/repair.ts';
import { readColumnValues } from './read-column-values.ts';

const database = new InProcessDatabase();
let context: AskContext;

beforeAll(async () => {
  const sqlite = await initSqlJs();
  const file = new sqlite.Database();
  file.run(`CREATE TABLE singer(id INTEGER PRIMARY KEY, name TEXT, country TEXT);
    INSERT INTO singer VALUES (1, 'Joe', 'France'), (2, 'Rose', 'France'), (3, 'Tribal', 'Netherlands')`);
  const opened = await database.open(file.export());
  if (!opened.ok) throw new Error(opened.error.message);
  context = {
    schema: buildSchemaIndex(opened.value),
    values: buildValueIndex(await readColumnValues(database, opened.value)),
    style: 'compact',
  };
});

/** A model that says what the test tells it to, in pieces, and remembers what it was asked. */
function scriptedEngine(text: string) {
  const asked: GenerateRequest[] = [];
  return {
    asked,
    generate(request: GenerateRequest, options?: GenerateOptions) {
      asked.push(request);
      for (let end = 5; end < text.length + 5; end += 5) options?.onText?.(text.slice(0, end));
      return Promise.resolve(
        success({
          text,
          finish: 'stop' as const,
          prefixTokens: 1,
          reusedTokens: 0,
          promptTokens: 2,
          completionTokens: 3,
          steeredTokens: 0,
          overruledTokens: 0,
          prefillMs: 1,
          decodeMs: 1,
        }),
      );
    },
  };
}

describe('answer', () => {
  test('links, asks, runs and keeps a trace of each step', async () => {
    const engine = scriptedEngine("SELECT count(*) FROM singer WHERE country = 'France'");
    const phases: string[] = [];
    const seen: string[] = [];
    const { trace, outcome } = await answer('How many French singers?', context, engine, database, {
      onPhase: (phase) => phases.push(phase),
      onSql: (sql) => seen.push(sql),
    });
    expect(outcome.ok && outcome.value.rows).toEqual([[2]]);
    expect(trace.values).toEqual([{ table: 'singer', column: 'country', value: 'France' }]);
    expect(engine.asked[0]?.prompt).toEqual(trace.prompt);
    expect(trace.prompt.prefix).toBe(sharedPrefix(context));
    expect(phases).toEqual(['linking', 'writing', 'running']);
    expect(seen.at(-1)).toBe(trace.sql);
  });

  test('holds a student strictly where no repair follows', async () => {
    const engine = scriptedEngine('SELECT name FROM singer');
    const repair: AnswerOptions['repair'] = (sql) => Promise.resolve({ sql, original: sql, changes: [], statements: 0 });
    for (const options of [{}, { repair }, { strict: false }] satisfies AnswerOptions[])
      await answer('Who?', context, engine, database, options);
    expect(engine.asked.map((request) => request.strict)).toEqual([true, false, false]);
  });

  test('holds a student to the names that it is shown, unless it is told not to', async () => {
    const engine = scriptedEngine('SELECT name FROM singer');
    await answer('?', context, engine, database);
    await answer('?', context, engine, database, { constrained: false });
    await answer('?', { ...context, style: 'create-table' }, engine, database);
    expect(engine.asked.map((request) => request.names?.tables)).toEqual([{ singer: ['id', 'name', 'country'] }, undefined, undefined]);
  });

  test('a failing query keeps the SQL of the model', async () => {
    const { trace, outcome } = await answer('?', context, scriptedEngine('SELECT nam FROM singer'), database);
    expect(trace.modelSql).toBe('SELECT nam FROM singer');
    expect(!outcome.ok && outcome.error.stage === 'database' && outcome.error.error.code).toBe('sql');
  });

  test('repair puts right what the database can, and the trace says what', async () => {
    const facts = await readFacts(database);
    if (!facts) throw new Error('no facts');
    const { trace, outcome } = await answer(
      'Names of singers from France',
      context,
      scriptedEngine("SELECT nmae FROM singer WHERE country = 'france'"),
      database,
      {
        repair: (sql, question) => repair(sql, database, question, { facts }),
      },
    );
    expect(outcome.ok && outcome.value.rows).toEqual([['Joe'], ['Rose']]);
    expect(trace.modelSql).toBe("SELECT nmae FROM singer WHERE country = 'france'");
    expect(trace.repairs?.length).toBeGreaterThan(0);
    expect(trace.sql).not.toBe(trace.modelSql);
  });

  test('what cannot be repaired shows its own error', async () => {
    const facts = await readFacts(database);
    if (!facts) throw new Error('no facts');
    const { trace, outcome } = await answer('?', context, scriptedEngine('SELECT xyzzy FROM plugh'), database, {
      repair: (sql, question) => repair(sql, database, question, { facts }),
    });
    expect(trace.sql).toBe('SELECT xyzzy FROM plugh');
    expect(!outcome.ok && outcome.error.stage).toBe('database');
  });

  test('SQL that would write is refused', async () => {
    const { outcome } = await answer('?', context, scriptedEngine('WITH x AS (SELECT 1) DELETE FROM singer'), database);
    expect(!outcome.ok && outcome.error.stage === 'database' && outcome.error.error.code).toBe('not-read-only');
    const left = await database.run('SELECT count(*) FROM singer');
    expect(left.ok && left.value.rows).toEqual([[3]]);
  });

  test('an answer without SQL says so', async () => {
    const { outcome } = await answer('?', context, scriptedEngine('I do not know.'), database);
    expect(!outcome.ok && outcome.error.stage).toBe('no-sql');
  });

  test("the engine's error comes through", async () => {
    const error = { code: 'device-lost', message: 'The graphics card stopped.', nextStep: 'Reload the model.' } as const;
    const { outcome } = await answer('?', context, { generate: () => Promise.resolve(failure(error)) }, database);
    expect(!outcome.ok && outcome.error).toEqual({ stage: 'model', error });
  });

  test('a schema beyond the budget has no shared prefix', () => {
    expect(sharedPrefix({ ...context, schemaBudget: 5 })).toBeUndefined();
  });
});
