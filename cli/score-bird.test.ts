import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { meanWithoutOutliers, validEfficiencyScore } from '../src/evaluation/bird.ts';
import { birdSummary, scoreOnBird } from './score-bird.ts';
import type { Prediction } from './predictions-file.ts';

// Two small databases of our own in BIRD's layout.
const questions = [
  {
    question_id: 0,
    db_id: 'shop',
    question: 'How many large orders?',
    evidence: 'large refers to amount > 100',
    SQL: 'SELECT COUNT(*) FROM orders WHERE amount > 100',
    difficulty: 'simple',
  },
  {
    question_id: 1,
    db_id: 'shop',
    question: 'Which customers ordered?',
    evidence: '',
    SQL: 'SELECT DISTINCT customer FROM orders',
    difficulty: 'moderate',
  },
  {
    question_id: 2,
    db_id: 'shop',
    question: 'Customers and their amounts?',
    evidence: '',
    SQL: 'SELECT customer, amount FROM orders',
    difficulty: 'challenging',
  },
  { question_id: 3, db_id: 'zoo', question: 'Names of animals?', evidence: '', SQL: 'SELECT name FROM animals', difficulty: 'simple' },
  { question_id: 4, db_id: 'zoo', question: 'Broken gold?', evidence: '', SQL: 'SELECT nothing FROM nowhere', difficulty: 'simple' },
];
const databases: Record<string, string> = {
  shop: "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, amount REAL); INSERT INTO orders VALUES (1, 'Eva', 50), (2, 'Omar', 150), (3, 'Eva', 120.0)",
  zoo: "CREATE TABLE animals (name TEXT); INSERT INTO animals VALUES ('lion'), ('owl')",
};
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bird-'));
  const initSqlJs = createRequire(import.meta.url)('sql.js') as () => Promise<{
    Database: new () => { run(sql: string): void; export(): Uint8Array };
  }>;
  const SQL = await initSqlJs();
  await writeFile(path.join(folder, 'dev.json'), JSON.stringify(questions));
  for (const [id, sql] of Object.entries(databases)) {
    const made = new SQL.Database();
    made.run(sql);
    await mkdir(path.join(folder, 'dev_databases', id), { recursive: true });
    await writeFile(path.join(folder, 'dev_databases', id, `${id}.sqlite`), made.export());
  }
});
afterAll(() => rm(folder, { recursive: true }));

const prediction = (index: number, predictedSql: string): Prediction => ({
  index,
  databaseId: questions[index]?.db_id ?? '',
  predictedSql,
  line: {},
  sqlField: 'predicted_sql',
});

describe('BIRD’s metric', { timeout: 60_000 }, () => {
  test('sets of rows: doubled rows and order do not count, columns do', async () => {
    const scored = await scoreOnBird(folder, [
      prediction(0, 'SELECT 2.0'),
      prediction(1, 'SELECT customer FROM orders ORDER BY id DESC'),
      prediction(2, 'SELECT amount, customer FROM orders'),
      prediction(3, 'SELECT nam FROM animals'),
      prediction(4, 'SELECT 1'),
    ]);
    expect(scored.map(({ verdict }) => verdict.exec)).toEqual([1, 1, 0, 0, null]);
    expect(birdSummary(scored)).toEqual({
      n: 4,
      exec: 2,
      by_difficulty: { challenging: { n: 1, exec: 0 }, moderate: { n: 1, exec: 1 }, simple: { n: 2, exec: 1 } },
      could_not_score: 1,
    });
    expect(scored[0]?.example.evidence).toBe('large refers to amount > 100');
  });

  test('the valid efficiency score times right answers only', async () => {
    const scored = await scoreOnBird(folder, [prediction(0, questions[0]?.SQL ?? ''), prediction(3, 'SELECT 1')], { timings: 20 });
    const [right, wrong] = scored.map(({ verdict }) => verdict.timeRatio);
    // The same query twice: some way around 1 on any machine.
    expect(right).toBeGreaterThan(0.2);
    expect(right).toBeLessThan(5);
    expect(wrong).toBe(0);
    expect(
      validEfficiencyScore([
        { exec: 1, timeRatio: 4 },
        { exec: 0, timeRatio: 0 },
      ]),
    ).toBe(100);
    expect(meanWithoutOutliers([...Array.from({ length: 20 }, () => 1), 100])).toBe(1);
  });

  test('a missing database, or Spider in its place: a sentence', async () => {
    await rm(path.join(folder, 'dev_databases', 'zoo'), { recursive: true });
    await expect(scoreOnBird(path.resolve('../shared/bird'), [prediction(3, 'SELECT 1')])).rejects.toThrow(/The database zoo is not in/);
    await expect(scoreOnBird(path.resolve('../shared/spider'), [])).rejects.toThrow('is Spider, not BIRD');
  });
});
