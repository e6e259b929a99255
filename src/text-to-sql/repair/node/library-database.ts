import { createRequire } from 'node:module';
import { InProcessDatabase } from '../../../database/node/node-database.ts';
import type { Facts } from '../facts.ts';
import { readFacts, repair, type RepairOptions, type RepairResult } from '../repair.ts';

/** A small lending library, made for tests of the repair: keys with and without the same name, a bridge table, texts in several columns. */
const LIBRARY = `
  CREATE TABLE author (author_id INTEGER PRIMARY KEY, full_name TEXT, birth_year INTEGER, home_country TEXT);
  CREATE TABLE book (book_id INTEGER PRIMARY KEY, title TEXT, genre TEXT, written_by INTEGER REFERENCES author (author_id), page_count INTEGER);
  CREATE TABLE branch (branch_id INTEGER PRIMARY KEY, branch_name TEXT, city TEXT);
  CREATE TABLE member (member_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, city TEXT, branch_id INTEGER REFERENCES branch (branch_id));
  CREATE TABLE loan (
    loan_id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES book (book_id), member_id INTEGER REFERENCES member (member_id), day TEXT);
  CREATE TABLE reader_card (card_no INTEGER PRIMARY KEY, first_name TEXT, expires TEXT);
  INSERT INTO author VALUES (1, 'Ada Moreau', 1931, 'France'), (2, 'Jörg Winter', 1950, 'Germany'), (3, 'Lin Wei', 1962, 'China'), (4, 'Ida Nobody', 1970, 'France');
  INSERT INTO book VALUES (10, 'Salt', 'Novel', 1, 320), (11, 'The Canal', 'Novel', 2, 210), (12, 'Moss', 'Poetry', 1, 90), (13, 'Paper Boats', 'Poetry', 3, 120);
  INSERT INTO branch VALUES (1, 'North', 'Lyon'), (2, 'Harbour', 'Marseille'), (3, 'Old Town', 'Lyon');
  INSERT INTO member VALUES (100, 'Eva', 'Stone', 'Lyon', 1), (101, 'Omar', 'Field', 'Nice', 2), (102, 'Mia', 'Hill', 'Lyon', 1), (103, 'Tom', 'Idle', 'Paris', 3);
  INSERT INTO loan VALUES (1, 10, 100, '2024-01-05'), (2, 10, 101, '2024-02-11'), (3, 12, 100, '2024-02-12'), (4, 13, 102, '2024-03-01');
  INSERT INTO reader_card VALUES (1, 'Eva', '2026-01-01'), (2, 'Mia', '2026-05-01');
`;

export interface Sample {
  readonly database: InProcessDatabase;
  readonly facts: Facts;
}

/** A database made by SQL, open. */
export async function openSample(sql: string = LIBRARY): Promise<Sample> {
  const require = createRequire(import.meta.url);
  const initSqlJs = require('sql.js') as () => Promise<{
    Database: new () => { run(sql: string): void; export(): Uint8Array; close(): void };
  }>;
  const SQL = await initSqlJs();
  const made = new SQL.Database();
  made.run(sql);
  const database = new InProcessDatabase();
  const opened = await database.open(made.export());
  made.close();
  if (!opened.ok) throw new Error(opened.error.message);
  const facts = await readFacts(database, { schema: opened.value });
  if (facts === null) throw new Error('the sample has no schema');
  return { database, facts };
}

let library: Promise<Sample> | undefined;

/** What the repair makes of one statement on the library. Habits are on: they only act where a test is about them. */
export async function repairOnLibrary(sql: string, question = '', options: RepairOptions = {}): Promise<RepairResult> {
  library ??= openSample();
  const { database, facts } = await library;
  return repair(sql, database, question, { facts, habits: true, timeoutMs: 10_000, budgetMs: 30_000, ...options });
}

/** The names of the rules that acted. */
export function rulesOf(result: RepairResult): string[] {
  return result.changes.map((change) => change.rule);
}
