import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../src/database/node/create-database.ts';
import { InProcessDatabase } from '../src/database/node/node-database.ts';
import { agreement, chooseSample, type JudgedSample } from './choose-sample.ts';
import { goldRows, judge, type Judgement } from './judge-samples.ts';
import { readSamples } from './samples-file.ts';
import { asOneLine } from './training-examples.ts';

const createZoo = [
  'CREATE TABLE animal (animal_id INT PRIMARY KEY, name TEXT, age INT)',
  "INSERT INTO animal VALUES (1, 'Bo', 3), (2, 'Cy', 5), (3, 'Di', 5)",
  'CREATE TABLE keeper (keeper_id INT PRIMARY KEY, name TEXT)',
].join(';');

const folder = await mkdtemp(path.join(tmpdir(), 'filter-samples-'));
afterAll(() => rm(folder, { recursive: true }));

describe('a sample is judged by the rows that it returns', async () => {
  const database = new InProcessDatabase();
  await database.open(await createDatabase(createZoo));
  const judged = async (gold: string, sql: string): Promise<Judgement> => {
    const rows = await goldRows(database, gold, 5_000);
    if (!rows.ok) return 'could-not-score';
    return (await judge(database, sql, rows.value, 5_000)).judgement;
  };

  it.each<[Judgement, string, string]>([
    ['right', 'SELECT name FROM animal', 'SELECT name FROM animal ORDER BY age DESC'],
    ['right', 'SELECT age FROM animal', 'SELECT age AS years FROM animal AS a'],
    ['right', 'SELECT name FROM animal ORDER BY age DESC, name', 'SELECT name FROM animal ORDER BY -age, name ASC'],
    ['wrong-rows', 'SELECT name FROM animal ORDER BY name', 'SELECT name FROM animal ORDER BY name DESC'],
    ['wrong-rows', 'SELECT age FROM animal', 'SELECT DISTINCT age FROM animal'],
    ['wrong-rows', 'SELECT DISTINCT age FROM animal', 'SELECT age FROM animal'],
    ['wrong-rows', 'SELECT count(*) FROM animal', 'SELECT a.name FROM animal AS a, animal AS b'],
    ['other-column-order', 'SELECT name, age FROM animal', 'SELECT age, name FROM animal'],
    ['does-not-run', 'SELECT name FROM animal', 'SELECT nme FROM animal'],
    ['does-not-run', 'SELECT name FROM animal', 'DELETE FROM animal'],
    ['no-sql', 'SELECT name FROM animal', ''],
    ['could-not-score', 'SELECT colour FROM animal', 'SELECT name FROM animal'],
  ])('%s: gold %s, sample %s', async (judgement, gold, sql) => {
    expect(await judged(gold, sql)).toBe(judgement);
  });
});

describe('of the right samples one is chosen', () => {
  const sample = (number: number, sql: string, result: string | null, judgement: Judgement = 'right'): JudgedSample => ({
    ...{ id: 'train_spider-0', databaseId: 'zoo', mode: 'direct', model: 'm', cost: 0 },
    ...{ usage: { prompt_tokens: 1, completion_tokens: 1 }, number, sql, result, judgement },
  });

  it('whose result most have, then the shortest, then the first', () => {
    const a = sample(0, 'SELECT 1', 'a');
    const b = sample(1, 'SELECT 1 + 0 + 0 + 0', 'b');
    const c = sample(2, 'SELECT  1   + 0 + 0', 'b');
    const d = sample(3, 'SELECT 1+0 + 0+ 0+0+0', 'b');
    expect(chooseSample([a, b, c, d])).toEqual({ sample: c, right: 4, agree: 3 });
    expect(chooseSample([sample(0, 'SELECT 10', 'x'), sample(1, 'SELECT 11', 'x')])?.sample.number).toBe(0);
  });

  it('never a wrong one, however many agree on it', () => {
    const wrong = [0, 1, 2].map((number) => sample(number, 'SELECT 0', 'w', 'wrong-rows'));
    const right = sample(3, 'SELECT 1 FROM animal WHERE animal_id = 1', 'r');
    expect(chooseSample([...wrong, right])).toEqual({ sample: right, right: 1, agree: 1 });
    expect(chooseSample(wrong)).toBeUndefined();
  });

  it('and how far they agree is the share of the largest group; what has no result agrees with nothing', () => {
    expect(agreement([sample(0, 'a', 'x'), sample(1, 'b', 'x', 'wrong-rows'), sample(2, 'c', 'y')])).toBeCloseTo(2 / 3);
    expect(agreement([sample(0, 'a', null, 'does-not-run'), sample(1, 'b', null, 'no-sql')])).toBe(0.5);
  });
});

describe('a query on one line', () => {
  it('has no comments, no semicolon, and its texts as they were', () => {
    expect(asOneLine("SELECT name -- the name\nFROM animal /* all\nof them */\nWHERE name = 'a  b -- c';\n")).toBe(
      "SELECT name FROM animal WHERE name = 'a  b -- c'",
    );
    expect(asOneLine('SELECT count(*),\n  t.name FROM animal t')).toBe('SELECT count(*), t.name FROM animal t');
  });
});

describe('samples are read', () => {
  const read = async (line: string): Promise<unknown> => {
    const file = path.join(folder, 'read.jsonl');
    await writeFile(file, `${line}\n`);
    return readSamples(file).catch((error: unknown) => (error instanceof Error ? error.message : error));
  };

  it('from a reply, whose SQL stands in a block or bare, or as SQL', async () => {
    const sqlOf = async (fields: object): Promise<unknown> => {
      const samples = await read(JSON.stringify({ id: 'train_spider-0', db_id: 'zoo', ...fields }));
      return Array.isArray(samples) ? samples.map((sample: { sql: string }) => sample.sql) : samples;
    };
    expect(await sqlOf({ text: 'We need animal.\n```sql\nSELECT 1;\n```' })).toEqual(['SELECT 1']);
    expect(await sqlOf({ text: 'I cannot.' })).toEqual(['']);
    expect(await sqlOf({ sql: 'SELECT 2' })).toEqual(['SELECT 2']);
  });

  it('and a line that is none is named', async () => {
    expect(await read('{"id": "train_spider-0", "db_id": "zoo"}')).toMatch(/line 1 is no sample\. Expected id, db_id and text/u);
    expect(await read('{no')).toMatch(/line 1 is not JSON/u);
  });
});

describe('npm run filter-samples', { timeout: 120_000 }, () => {
  const spider = path.join(folder, 'spider');
  const at = (name: string): string => path.join(folder, name);
  const golds = [
    'SELECT name FROM animal WHERE age > 4',
    'SELECT count(*) FROM animal',
    'SELECT colour FROM animal',
    'SELECT name FROM keeper',
  ];
  const run = (...args: string[]) => promisify(execFile)('npx', ['tsx', 'cli/filter-samples.ts', '--spider', spider, ...args]);

  beforeAll(async () => {
    await mkdir(path.join(spider, 'database', 'zoo'), { recursive: true });
    await writeFile(path.join(spider, 'database', 'zoo', 'zoo.sqlite'), await createDatabase(createZoo));
    await writeFile(path.join(spider, 'tables.json'), '[]');
    await writeFile(path.join(spider, 'dev.json'), '[]');
    const questions = golds.map((query, index) => ({ db_id: 'zoo', question: `Question ${String(index)}?`, query }));
    await writeFile(path.join(spider, 'train_spider.json'), JSON.stringify(questions));
    const replies = [
      [0, 'direct', '```sql\nSELECT name FROM animal WHERE age >= 5\n```'],
      [0, 'direct', '```sql\n-- the old ones\nSELECT a.name FROM animal AS a\nWHERE a.age > 4;\n```'],
      [0, 'direct', 'SELECT name FROM animal WHERE age > 5'],
      [1, 'reasoning', 'No idea.'],
      [1, 'reasoning', '```sql\nSELECT count(*) FROM animals\n```'],
      [1, 'reasoning', 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'],
      [2, 'direct', 'SELECT name FROM animal'],
      [3, 'direct', 'SELECT name FROM keeper'],
    ] as const;
    const lines = replies.map(([question, mode, text], index) => ({
      ...{ id: `train_spider-${String(question)}`, db_id: 'zoo', question: 'Q?', mode, sample: index, text, model: 'teacher' },
      ...{ usage: { prompt_tokens: 100, completion_tokens: 10 }, cost: 0.5 },
    }));
    await writeFile(at('samples.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  });

  const parsed = async (name: string): Promise<unknown[]> =>
    (await readFile(at(name), 'utf8'))
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));

  it('writes one trace a question, training examples from them, and a report', async () => {
    const files = [
      '--samples',
      at('samples.jsonl'),
      '--out',
      at('traces.jsonl'),
      '--report',
      at('report.json'),
      '--examples',
      at('train.jsonl'),
    ];
    await run(...files, '--also-gold', '--timeout', '1');
    const common = { db_id: 'zoo', model: 'teacher', usage: { prompt_tokens: 100, completion_tokens: 10 }, cost: 0.5 };
    const own = { mode: 'direct', sql: 'SELECT name FROM animal WHERE age >= 5', sample: 0, samples: 3, right: 2, agree: 2, gold_rows: 2 };
    const gold = { model: 'gold', mode: 'gold', sql: golds[1], sample: null, samples: 3, right: 0, agree: 0, gold_rows: 1, cost: 0 };
    expect(await parsed('traces.jsonl')).toEqual([
      { id: 'train_spider-0', question: 'Question 0?', ...common, ...own },
      { id: 'train_spider-1', question: 'Question 1?', ...common, ...gold, usage: { prompt_tokens: 0, completion_tokens: 0 } },
      expect.objectContaining({ id: 'train_spider-3', mode: 'direct', gold_rows: 0 }),
    ]);
    const [first] = await parsed('train.jsonl');
    expect(first).toEqual({
      id: 'train_spider-0',
      db_id: 'zoo',
      prompt: expect.stringContaining('animal: animal_id* name age') as string,
      prefix_code_points: expect.any(Number) as number,
      completion: 'SELECT name FROM animal WHERE age >= 5<|im_end|>',
    });
    const report = JSON.parse(await readFile(at('report.json'), 'utf8')) as object;
    expect(report).toMatchObject({
      questions: { asked: 4, kept: 2, none_right: 1, could_not_score: 1, gold_added: 1, kept_on_empty_gold: 1 },
      kept_share: 0.6667,
      samples: { right: 3, 'wrong-rows': 1, 'does-not-run': 1, 'no-sql': 1, 'could-not-score': 1, timeout: 1 },
      right_share: 0.4286,
      by_mode: { direct: { questions: 2, kept: 2 }, reasoning: { questions: 1, kept: 0 } },
      agreement: { questions: 2, all_agree: 0, mean_largest_share: 0.5 },
      prompt_tokens: 800,
      cost: 4,
      gold_could_not_be_scored: [{ id: 'train_spider-2' }],
      traces_not_written_as_examples: [],
    });
  });

  it('takes a student’s own samples, without the gold queries unless asked', async () => {
    await writeFile(at('own.jsonl'), '{"id": "train_spider-1", "db_id": "zoo", "sample": 0, "sql": "SELECT sum(1) FROM animal AS a"}\n');
    await run('--samples', at('own.jsonl'), '--samples', at('samples.jsonl'), '--out', at('own-traces.jsonl'));
    const traces = (await parsed('own-traces.jsonl')) as { id: string; sql: string }[];
    expect(traces.map(({ id, sql }) => [id, sql])).toContainEqual(['train_spider-1', 'SELECT sum(1) FROM animal AS a']);
    expect(traces).toHaveLength(3);
  });

  it('puts samples through the repair first where it is asked to', async () => {
    await run('--samples', at('samples.jsonl'), '--out', at('repaired.jsonl'), '--repair', '--timeout', '1');
    const traces = (await parsed('repaired.jsonl')) as { id: string; sql: string }[];
    expect(traces.map(({ id, sql }) => [id, sql])).toContainEqual(['train_spider-1', 'SELECT count(*) FROM animal']);
  });

  it.each([
    ['no such question', { id: 'train_spider-9', db_id: 'zoo', sql: 'SELECT 1' }, /no usable question train_spider-9/u],
    ['another database', { id: 'train_spider-1', db_id: 'shop', sql: 'SELECT 1' }, /is for shop, but that question is on zoo/u],
  ])('refuses samples of %s in a sentence', async (_, line, sentence) => {
    await writeFile(at('stray.jsonl'), JSON.stringify(line));
    await expect(run('--samples', at('stray.jsonl'), '--out', at('none.jsonl'))).rejects.toMatchObject({ stderr: sentence });
  });
});
