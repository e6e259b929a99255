import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acceptStatement } from './accept-statement.ts';

function accepted(sql: string): string {
  const result = acceptStatement(sql);
  if (!result.ok) throw new Error(`${sql}: ${result.error.message}`);
  return result.value;
}

function refusal(sql: string): string {
  const result = acceptStatement(sql);
  if (result.ok) throw new Error(`accepted: ${sql}`);
  return `${result.error.code}: ${result.error.message}`;
}

test('queries of every reading form pass, without what stands around them', () => {
  expect(accepted('SELECT 1')).toBe('SELECT 1');
  expect(accepted('  select 1 ; ; -- that is all')).toBe('select 1');
  expect(accepted('\uFEFF/* first */ WITH a AS (SELECT 1) SELECT * FROM a;')).toBe('WITH a AS (SELECT 1) SELECT * FROM a');
  expect(accepted('VALUES (1), (2)')).toBe('VALUES (1), (2)');
  expect(accepted('-- why\nSELECT "a;b", \';\', [;], `;` FROM t')).toBe('SELECT "a;b", \';\', [;], `;` FROM t');
});

test('words that write are harmless where they are names, functions or texts', () => {
  for (const sql of [
    "SELECT replace(name, 'a', 'b') FROM t",
    "WITH replace AS (SELECT 1 AS x) SELECT x FROM replace WHERE 'insert' <> 'delete'",
    'SELECT "update", [drop], `delete` FROM "insert"',
    'WITH a AS (SELECT 1) SELECT * FROM a -- DELETE FROM a',
    "SELECT * FROM pragma_table_info('t')",
  ])
    expect(accepted(sql)).toContain('SELECT');
});

test('everything else is refused by name', () => {
  expect(refusal('DELETE FROM t')).toBe('not-read-only: DELETE is not allowed: only reading is.');
  expect(refusal('/**/pragma/**/query_only=0')).toBe('not-read-only: PRAGMA is not allowed: only reading is.');
  expect(refusal('explain pragma query_only=0')).toBe('not-read-only: EXPLAIN is not allowed: only reading is.');
  expect(refusal('WITH a AS (SELECT 1) DELETE FROM t')).toContain('DELETE is not allowed, behind WITH neither');
  expect(refusal('WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a')).toContain('REPLACE is not allowed');
  expect(refusal('SELECT 1; DROP TABLE t')).toBe('not-one-statement: There is more than one statement: another one begins with “DROP”.');
  expect(refusal('SELECT * FROM pragma_optimize')).toContain('pragma_optimize is not allowed');
  expect(refusal('hello world')).toBe('not-one-statement: A query cannot begin with “hello”.');
  expect(refusal('  -- nothing')).toBe('not-one-statement: There is no query here.');
  expect(refusal("SELECT 'open")).toContain('cannot read');
  expect(refusal('SELECT 1\0; DROP TABLE t')).toContain('NUL');
});

test('a variable may contain quotes and semicolons in its parentheses, as in SQLite; what follows is seen', () => {
  expect(refusal("SELECT $a('); DROP TABLE t --')")).toContain('another one begins with “DROP”');
});

test('any text: the decision never throws, and what is accepted begins with a reading word and has no end inside', () => {
  const piece = fc.constantFrom(
    'SELECT',
    'WITH',
    'PRAGMA',
    'DELETE',
    ';',
    "'",
    '"',
    '`',
    '[',
    ']',
    '--',
    '\n',
    '/*',
    '*/',
    '(',
    ')',
    '$a(',
    ' ',
    'x',
    '1',
    ',',
    '\uFEFF',
    '\0',
    'ß',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (sql) => {
        const result = acceptStatement(sql);
        if (!result.ok) return;
        expect(result.value).toMatch(/^(SELECT|WITH|VALUES)(?![A-Za-z0-9_])/i);
        // Accepting is idempotent, and a semicolon behind changes nothing.
        expect(accepted(`${result.value};`)).toBe(result.value);
        expect(refusal(`${result.value}\n; DROP TABLE t`)).toContain('not-one-statement');
      },
    ),
    { numRuns: 3_000 },
  );
});
