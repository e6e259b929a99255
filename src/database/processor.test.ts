import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Table } from './database.ts';
import { inspectFile } from './inspect-file.ts';
import { createDatabase } from './node/create-database.ts';
import { freshModule, InProcessDatabase } from './node/node-database.ts';
import { DEFAULT_LIMITS, Processor, type Limits } from './processor.ts';

// A machine may do other things as well: only a hang is to fail.
vi.setConfig({ testTimeout: 60_000 });

async function withProcessor<Value>(sql: string, use: (processor: Processor) => Value): Promise<Value> {
  const opened = await Processor.open(await createDatabase(sql), freshModule);
  if (!opened.ok) throw new Error(opened.error.message);
  try {
    return use(opened.value);
  } finally {
    opened.value.close();
  }
}

function rowsOf(processor: Processor, sql: string, limits: Partial<Limits> = {}): readonly (readonly unknown[])[] {
  const result = processor.run(sql, { ...DEFAULT_LIMITS, ...limits });
  if (!result.ok) throw new Error(result.error.sqlite ?? result.error.message);
  return result.value.rows;
}

async function tablesOf(sql: string): Promise<readonly Table[]> {
  const database = new InProcessDatabase();
  const opened = await database.open(await createDatabase(sql));
  if (!opened.ok) throw new Error(opened.error.message);
  await database.close();
  return opened.value.tables;
}

test('cells keep their type and every digit', () =>
  withProcessor('CREATE TABLE t (x)', (processor) => {
    expect(
      rowsOf(
        processor,
        "VALUES (NULL), (0), (-9007199254740991), (9007199254740991), (9007199254740992), (9223372036854775807), (-9223372036854775808), (1.5), (9e999), (''), ('ß€😀'), (x''), (x'00ff')",
      ).map(([cell]) => cell),
    ).toEqual([
      null,
      0,
      -9007199254740991,
      9007199254740991,
      9007199254740992n,
      9223372036854775807n,
      -9223372036854775808n,
      1.5,
      Infinity,
      '',
      'ß€😀',
      new Uint8Array(),
      new Uint8Array([0, 255]),
    ]);
  }));

test('invalid UTF-8, a NUL and a byte order mark inside a text survive', () =>
  withProcessor('CREATE TABLE t (x)', (processor) => {
    expect(
      rowsOf(processor, "SELECT CAST(x'61ff62' AS TEXT), CAST(x'6100620a' AS TEXT), CAST(x'efbbbf61' AS TEXT), CAST(x'edA080' AS TEXT)"),
    ).toEqual([['a\uFFFDb', 'a\0b\n', '\uFEFFa', '\uFFFD\uFFFD\uFFFD']]);
  }));

test('a UTF-16 database reads as any other', () =>
  withProcessor("PRAGMA encoding = 'UTF-16le'; CREATE TABLE straße (größe TEXT); INSERT INTO straße VALUES ('ß€😀')", (processor) => {
    expect(rowsOf(processor, 'SELECT größe, length(größe) FROM straße')).toEqual([['ß€😀', 3]]);
  }));

test('every text, number and BLOB that goes in comes out', () =>
  withProcessor('CREATE TABLE t (x)', (processor) => {
    const literal = fc.oneof(
      fc
        .string({ unit: 'binary' })
        .filter((text) => !text.includes('\0'))
        .map((text) => ({ value: text, sql: `'${text.replaceAll("'", "''")}'` })),
      fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map((value) => ({
        value: value >= -(2n ** 53n) + 1n && value <= 2n ** 53n - 1n ? Number(value) : value,
        sql: String(value),
      })),
      fc.uint8Array({ maxLength: 40 }).map((value) => ({ value: value, sql: `x'${Buffer.from(value).toString('hex')}'` })),
    );
    fc.assert(
      fc.property(fc.array(literal, { minLength: 1, maxLength: 8 }), (cells) => {
        expect(rowsOf(processor, `SELECT ${cells.map(({ sql }) => sql).join(', ')}`)).toEqual([cells.map(({ value }) => value)]);
      }),
      { numRuns: 200 },
    );
  }));

test('duplicate column names are kept, in their order', () =>
  withProcessor('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)', (processor) => {
    expect(processor.run('SELECT a, b, a, 1 AS "", a AS b FROM t', DEFAULT_LIMITS)).toMatchObject({
      ok: true,
      value: { columns: ['a', 'b', 'a', '', 'b'], rows: [[1, 2, 1, 1, 1]], truncated: false },
    });
  }));

test('an empty result still has its columns', () =>
  withProcessor('CREATE TABLE t (a, b)', (processor) => {
    expect(processor.run('SELECT * FROM t', DEFAULT_LIMITS)).toMatchObject({
      ok: true,
      value: { columns: ['a', 'b'], rows: [], truncated: false },
    });
  }));

test('rows, bytes and cells are capped, and the result says so', () =>
  withProcessor('CREATE TABLE t (a)', (processor) => {
    const numbers = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c';
    expect(processor.run(`${numbers} LIMIT 5`, { ...DEFAULT_LIMITS, rowLimit: 5 })).toMatchObject({
      ok: true,
      value: { truncated: false },
    });
    expect(processor.run(numbers, { ...DEFAULT_LIMITS, rowLimit: 5 })).toMatchObject({
      ok: true,
      value: { truncated: true, rows: { length: 5 } },
    });
    expect(processor.run(numbers, { ...DEFAULT_LIMITS, rowLimit: 0 })).toMatchObject({ ok: true, value: { truncated: true, rows: [] } });
    const wide = processor.run(`SELECT hex(randomblob(500)) FROM (${numbers})`, { ...DEFAULT_LIMITS, byteLimit: 100_000 });
    expect(wide).toMatchObject({ ok: true, value: { truncated: true, rows: { length: 101 } } });
    const long = processor.run("SELECT printf('%.*c', 50000000, 'x')", DEFAULT_LIMITS);
    expect(long).toMatchObject({ ok: true, value: { truncated: true } });
    expect(long.ok && String(long.value.rows[0]?.[0]).length).toBe(DEFAULT_LIMITS.cellByteLimit);
  }));

test('a query that needs too much memory ends with an error, and the next one runs', () =>
  withProcessor('CREATE TABLE t (a)', (processor) => {
    const numbers = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 40) SELECT';
    for (const sql of [
      'SELECT randomblob(500000000)',
      'SELECT length(randomblob(999999999))',
      'SELECT zeroblob(1000000000)',
      "SELECT printf('%.*c', 999999999, 'x')",
      'SELECT randomblob(2147483648)',
      `${numbers} group_concat(hex(zeroblob(20000000))) FROM c`,
      `${numbers} hex(zeroblob(10000000 + x)) AS r FROM c ORDER BY r`,
    ])
      expect([sql, processor.run(sql, DEFAULT_LIMITS)]).toMatchObject([sql, { ok: false, error: { code: 'memory' } }]);
    expect(rowsOf(processor, 'SELECT 1')).toEqual([[1]]);
    expect(rowsOf(processor, 'SELECT length(randomblob(50000000))')).toEqual([[50_000_000]]);
  }));

test('a wrong query gets SQLite’s own words', () =>
  withProcessor('CREATE TABLE t (a)', (processor) => {
    expect(processor.run('SELECT b FROM t', DEFAULT_LIMITS)).toMatchObject({
      ok: false,
      error: { code: 'sql', sqlite: 'no such column: b' },
    });
    expect(processor.run('SELECT FROM', DEFAULT_LIMITS)).toMatchObject({
      ok: false,
      error: { code: 'sql', sqlite: 'near "FROM": syntax error' },
    });
    expect(processor.run(`SELECT ${'('.repeat(5000)}1${')'.repeat(5000)}`, DEFAULT_LIMITS).ok).toBe(false);
  }));

test('two databases do not see each other', async () => {
  const one = await Processor.open(await createDatabase('CREATE TABLE mine (a)'), freshModule);
  const other = await Processor.open(await createDatabase('CREATE TABLE yours (a)'), freshModule);
  if (!one.ok || !other.ok) throw new Error('opening failed');
  expect(one.value.run('SELECT * FROM yours', DEFAULT_LIMITS).ok).toBe(false);
  expect(other.value.run('SELECT * FROM yours', DEFAULT_LIMITS).ok).toBe(true);
  one.value.close();
  other.value.close();
});

test('files that are no readable database get a sentence each', async () => {
  const real = await createDatabase("CREATE TABLE t (a); INSERT INTO t SELECT 'x' FROM (VALUES (1), (2))");
  const random = new Uint8Array(8192);
  let state = 1;
  for (let index = 0; index < random.length; index++) random[index] = (state = Math.imul(state, 1103515245) + 12345) >>> 16;
  const headerOnly = real.slice(0, 100);
  const damaged = real.slice();
  damaged.fill(0xff, 100, 108);
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [new Uint8Array(0), 'empty-file'],
    [new TextEncoder().encode('name,age\n'), 'not-a-database'],
    [new Uint8Array([0x50, 0x4b, 3, 4, ...random.slice(0, 2044)]), 'not-a-database'],
    [new TextEncoder().encode('lorem ipsum dolor sit amet '.repeat(300)).slice(0, 4096), 'not-a-database'],
    [random, 'encrypted'],
    [headerOnly, 'corrupt'],
    [damaged, 'corrupt'],
  ];
  for (const [file, code] of cases) {
    const opened = await Processor.open(file, freshModule);
    expect(opened).toMatchObject({ ok: false, error: { code } });
    if (!opened.ok) {
      expect(opened.error.message).toMatch(/^[A-Z].*\.$/);
      expect(opened.error.nextStep).toMatch(/^[A-Z].*\.$/);
    }
  }
  expect(inspectFile({ length: 600 * 1024 * 1024 } as Uint8Array)).toMatchObject({ code: 'too-large' });
  // A database of a WAL-mode program, without its -wal file.
  const wal = real.slice();
  wal.fill(2, 18, 20);
  expect(await Processor.open(wal, freshModule)).toMatchObject({ ok: true });
});

test('hostile names, keywords and quotes are read as they are', async () => {
  const names = ['select', 'a b', 'he said "hi"', "it's", '[x]', '`', '日本語', '<script>alert(1)</script>', 'a;b--', '%', ''];
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const tables = await tablesOf(
    names
      .map((name) => `CREATE TABLE ${quote(name)} (${quote(`${name}c`)} "odd type" NOT NULL); INSERT INTO ${quote(name)} VALUES (1)`)
      .join(';'),
  );
  expect(tables.map(({ name, rowCount, columns }) => [name, rowCount, columns[0]?.name, columns[0]?.notNull])).toEqual(
    names.map((name) => [name, 1, `${name}c`, true]),
  );
});

test('keys: composite, implicit, in another spelling, to a table that is not there, to itself', async () => {
  const tables = await tablesOf(`
    CREATE TABLE Parent (a INT, b INT, name, PRIMARY KEY (b, a)) WITHOUT ROWID;
    CREATE TABLE child (
      id INTEGER PRIMARY KEY, x INT, y INT, up INT REFERENCES child,
      gone INT REFERENCES missing (id), lost INT REFERENCES missing,
      FOREIGN KEY (X, y) REFERENCES parent, FOREIGN KEY (x) REFERENCES PARENT (A))`);
  expect(tables.map(({ name }) => name)).toEqual(['Parent', 'child']);
  expect(tables[0]?.columns.map(({ name, primaryKey }) => [name, primaryKey])).toEqual([
    ['a', 2],
    ['b', 1],
    ['name', 0],
  ]);
  expect(tables[1]?.foreignKeys).toEqual([
    { columns: ['up'], table: 'child', references: ['id'] },
    { columns: ['gone'], table: 'missing', references: ['id'] },
    { columns: ['lost'], table: 'missing', references: [] },
    { columns: ['x', 'y'], table: 'Parent', references: ['b', 'a'] },
    { columns: ['x'], table: 'Parent', references: ['a'] },
  ]);
});

test('views, generated columns and full-text tables show, what SQLite keeps for itself does not', async () => {
  const tables = await tablesOf(`
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, price REAL, gross REAL AS (price * 1.2), stored REAL AS (price) STORED);
    INSERT INTO t (price) VALUES (1), (2);
    CREATE VIEW v AS SELECT id, price AS p FROM t;
    CREATE VIEW broken AS SELECT * FROM nowhere;
    CREATE VIRTUAL TABLE docs USING fts4 (body);
    CREATE TABLE docs_extra (x);
    ANALYZE`);
  expect(tables.map(({ name, kind, rowCount, columns }) => [name, kind, rowCount, columns.map((column) => column.name)])).toEqual([
    ['t', 'table', 2, ['id', 'price', 'gross', 'stored']],
    ['v', 'view', null, ['id', 'p']],
    ['broken', 'view', null, []],
    ['docs', 'table', 0, ['body']],
    ['docs_extra', 'table', 0, ['x']],
  ]);
  expect(tables.find(({ name }) => name === 'broken')?.problem).toContain('nowhere');
  expect(tables.find(({ name }) => name === 'v')?.problem).toBeUndefined();
});
