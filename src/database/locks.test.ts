import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acceptStatement } from './accept-statement.ts';
import { Connection } from './connection.ts';
import { createDatabase } from './node/create-database.ts';
import { freshModule } from './node/node-database.ts';
import { forbiddenOpcode } from './opcode-lock.ts';
import { DEFAULT_LIMITS, Processor } from './processor.ts';

const SCHEMA = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
  INSERT INTO t VALUES (1, 'one'), (2, 'two');
  CREATE TABLE log (line TEXT);
  CREATE INDEX by_name ON t (name);
  CREATE VIEW v AS SELECT * FROM t;
  CREATE TRIGGER tr INSTEAD OF INSERT ON v BEGIN INSERT INTO log VALUES ('written'); END;
  CREATE VIRTUAL TABLE docs USING fts4 (body);
  INSERT INTO docs VALUES ('a text');
  INSERT INTO docs VALUES ('another text');`;

/** What must not happen; each is also tried in every disguise. */
const WRITES = [
  'PRAGMA query_only=0',
  'PRAGMA main.query_only(off)',
  'PRAGMA writable_schema=1',
  'PRAGMA trusted_schema=1',
  'PRAGMA hard_heap_limit=1',
  'PRAGMA user_version=7',
  'PRAGMA journal_mode=delete',
  "ATTACH '/other' AS other",
  "VACUUM INTO '/copy'",
  'VACUUM',
  "INSERT INTO t VALUES (3, 'three')",
  "INSERT INTO v VALUES (3, 'three')",
  "INSERT INTO t VALUES (3, 'three') RETURNING *",
  "REPLACE INTO t VALUES (1, 'uno')",
  "UPDATE t SET name = 'x'",
  'DELETE FROM t',
  "UPDATE sqlite_schema SET sql = 'x'",
  "INSERT INTO docs (docs) VALUES ('optimize')",
  'CREATE TABLE n (x)',
  'CREATE TEMP TABLE n AS SELECT 1',
  'DROP TABLE t',
  'ALTER TABLE t RENAME TO u',
  'REINDEX',
  'ANALYZE',
  'BEGIN IMMEDIATE',
  'SAVEPOINT s',
] as const;

const DISGUISES: readonly ((write: string) => string)[] = [
  (write) => write,
  (write) => `;; ${write}`,
  (write) => `/* SELECT */ ${write}`,
  (write) => `-- SELECT 1\n${write}`,
  (write) => `\uFEFF${write.toLowerCase()}`,
  (write) => `EXPLAIN ${write}`,
  (write) => `explain/**/query/**/plan ${write}`,
  (write) => `SELECT 1; ${write}`,
  (write) => `WITH a AS (SELECT 1) ${write}`,
  (write) => write.replace(/ /, '/*;*/'),
  (write) => `SELECT * FROM (${write})`,
  (write) => `VALUES (1)\n;${write};--`,
  (write) => `SELECT 'a' /* '; */; ${write}`,
  (write) => `SELECT $a(';--); ${write}`,
];

const SPECIAL = [
  '',
  ';',
  '--',
  '/*',
  'SELECT 1\0; PRAGMA query_only=0',
  'SELECT * FROM pragma_optimize(0x10002)',
  'SELECT * FROM "pragma_optimize"(0x10002)',
  'SELECT * FROM pragma_hard_heap_limit',
  'SELECT * FROM pragma_wal_checkpoint',
  'SELECT * FROM pragma_journal_mode',
  'SELECT * FROM pragma_incremental_vacuum',
  'SELECT * FROM pragma_integrity_check',
  "SELECT * FROM main.'pragma_quick_check'",
  'SELECT optimize(docs) FROM docs',
  "SELECT fts3_tokenizer('simple', x'4142434445464748')",
  "SELECT writefile('/x', 'y')",
  "SELECT readfile('/etc/passwd')",
  "SELECT load_extension('x')",
  "SELECT edit('x')",
  "SELECT * FROM fsdir('/')",
  "SELECT replicate('x', 4294967297)",
  "SELECT replicate('abcd', 1073741825)",
  "SELECT padc('a', 4294967297)",
  "WITH a AS (SELECT 1) INSERT INTO t SELECT 3, 'x' RETURNING id",
  'WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a',
  'WITH RECURSIVE a AS (SELECT 1) UPDATE t SET id = 9',
  'SELECT * INTO n FROM t',
  'SELECT 1 RETURNING x',
  '\u00A0PRAGMA query_only=0',
  '\uFEFF\uFEFFPRAGMA query_only=0',
  ' \uFEFFPRAGMA query_only=0',
  'PRAGMA\u000Bquery_only=0',
  'P/**/RAGMA query_only=0',
  '"SELECT" 1; PRAGMA query_only=0',
  '[SELECT]; PRAGMA query_only=0',
  'SELECT 1;;;PRAGMA query_only=0',
  "SELECT ';' ; PRAGMA query_only=0",
  'SELECT 1 -- ;\n; PRAGMA query_only=0',
  'SELECT 1 /* unclosed ; */ ; PRAGMA query_only=0',
];

const ALL = [...WRITES.flatMap((write) => DISGUISES.map((disguise) => disguise(write))), ...SPECIAL];

let bytes: Uint8Array;
let processor: Processor;

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

async function openProcessor(): Promise<Processor> {
  const opened = await Processor.open(bytes, freshModule);
  if (!opened.ok) throw new Error(opened.error.message);
  return opened.value;
}

beforeAll(async () => {
  bytes = await createDatabase(SCHEMA);
  processor = await openProcessor();
});

afterAll(() => processor.close());

test(`${String(ALL.length)} disguised writes and escapes are refused; file and settings stay as they were`, () => {
  expect(ALL.length).toBeGreaterThanOrEqual(200);
  const before = sha256(processor.exportBytes());
  const settings = processor.settings();
  const passed = ALL.filter((sql) => processor.run(sql, DEFAULT_LIMITS).ok);
  expect(passed).toEqual([]);
  expect(sha256(processor.exportBytes())).toBe(before);
  expect(sha256(bytes)).toBe(before);
  expect(processor.settings()).toEqual(settings);
  expect(settings).toEqual({ trusted_schema: 0, cell_size_check: 1, temp_store: 2, hard_heap_limit: 268_435_456, query_only: 1 });
  expect(processor.run('SELECT count(*) FROM t', DEFAULT_LIMITS)).toMatchObject({ ok: true, value: { rows: [[2]] } });
});

test('the proof can fail: without locks the same statements do change the file', async () => {
  const connection = new Connection(await freshModule(), bytes);
  connection.readAll("INSERT INTO t VALUES (3, 'three')");
  expect(sha256(connection.exportBytes())).not.toBe(sha256(bytes));
  connection.close();
});

test('the first lock alone refuses all that writes', () => {
  const dangerous = WRITES.flatMap((write) => DISGUISES.filter((_, index) => index !== 10).map((disguise) => disguise(write)));
  expect(dangerous.filter((sql) => acceptStatement(sql).ok)).toEqual([]);
});

test('the second lock alone finds every write by its program', async () => {
  const connection = new Connection(await freshModule(), bytes);
  for (const write of WRITES) {
    // PRAGMAs run while they are prepared, a TEMP table's program begins with a read, ATTACH is a function, and sqlite_schema is SQLite's own lock: those are the other locks'.
    if (/^(PRAGMA (?!user_version|journal_mode)|ATTACH|UPDATE sqlite_schema)/.test(write)) continue;
    expect([write, forbiddenOpcode(connection, write)]).not.toEqual([write, undefined]);
  }
  expect(
    forbiddenOpcode(connection, 'WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x + 1 FROM c LIMIT 9) SELECT x FROM c ORDER BY x'),
  ).toBeUndefined();
  connection.close();
});

test('the third lock alone, query_only, stops writing where SQLite is asked to', async () => {
  const connection = new Connection(await freshModule(), bytes);
  connection.readAll('PRAGMA query_only=1');
  for (const write of [
    ...WRITES.filter((sql) => /^(INSERT|REPLACE|UPDATE|DELETE|CREATE|DROP|ALTER)/.test(sql)),
    'SELECT optimize(docs) FROM docs',
  ])
    expect(() => connection.readAll(write)).toThrow();
  expect(sha256(connection.exportBytes())).toBe(sha256(bytes));
  connection.close();
});

test('a view, a generated column or a default of the file cannot reach what the schema is not trusted with', async () => {
  const hostile = await createDatabase(
    `CREATE TABLE t (x);
     INSERT INTO t VALUES (1);
     CREATE VIEW settings AS SELECT * FROM pragma_hard_heap_limit;
     CREATE VIEW tokens AS SELECT fts3_tokenizer('simple') AS pointer;
     CREATE VIEW fine AS SELECT x FROM t`,
  );
  const opened = await Processor.open(hostile, freshModule);
  if (!opened.ok) throw new Error(opened.error.message);
  expect(opened.value.run('SELECT * FROM settings', DEFAULT_LIMITS).ok).toBe(false);
  expect(opened.value.run('SELECT * FROM tokens', DEFAULT_LIMITS).ok).toBe(false);
  expect(opened.value.run('SELECT * FROM fine', DEFAULT_LIMITS).ok).toBe(true);
  opened.value.close();
});

test('statements glued from dangerous pieces never change the file or a setting', async () => {
  const own = await openProcessor();
  const settings = own.settings();
  const piece = fc.constantFrom(
    ...[
      'SELECT',
      'WITH',
      'VALUES',
      'PRAGMA',
      'EXPLAIN',
      'INSERT INTO',
      'DELETE FROM',
      'UPDATE',
      'ATTACH',
      'RETURNING',
      'query_only=0',
      'query_only',
    ],
    ...[
      't',
      'v',
      'docs',
      '*',
      'FROM',
      'SET',
      'name',
      '=',
      '1',
      "'x'",
      '(',
      ')',
      ',',
      ';',
      '--',
      '\n',
      '/*',
      '*/',
      'AS',
      'a',
      'optimize(docs)',
      '\uFEFF',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      own.run(pieces.join(' '), { ...DEFAULT_LIMITS, rowLimit: 10 });
    }),
    { numRuns: 5_000 },
  );
  expect(own.settings()).toEqual(settings);
  expect(sha256(own.exportBytes())).toBe(sha256(bytes));
  own.close();
});
