import fc from 'fast-check';
import { expect, test } from 'vitest';
import { highlightSql } from './highlight-sql.ts';

test('keywords, texts, numbers and comments are told apart', () => {
  expect(highlightSql("SELECT name FROM t WHERE a = 'it''s' AND b > 3.5 -- end")).toEqual([
    { kind: 'keyword', text: 'SELECT' },
    { kind: 'plain', text: ' name ' },
    { kind: 'keyword', text: 'FROM' },
    { kind: 'plain', text: ' t ' },
    { kind: 'keyword', text: 'WHERE' },
    { kind: 'plain', text: ' a = ' },
    { kind: 'string', text: "'it''s'" },
    { kind: 'plain', text: ' ' },
    { kind: 'keyword', text: 'AND' },
    { kind: 'plain', text: ' b > ' },
    { kind: 'number', text: '3.5' },
    { kind: 'plain', text: ' ' },
    { kind: 'comment', text: '-- end' },
  ]);
});

test('a text that is still being written runs to the end', () => {
  expect(highlightSql("x = 'Par").at(-1)).toEqual({ kind: 'string', text: "'Par" });
});

test('nothing is lost and nothing is added, whatever the text', () => {
  const sqlLike = fc.string({ unit: fc.constantFrom(...'SELECT from\'"-/*\n 12.5;()=é'.split('')) });
  fc.assert(
    fc.property(
      fc.oneof(sqlLike, fc.string()),
      (sql) =>
        highlightSql(sql)
          .map((piece) => piece.text)
          .join('') === sql,
    ),
  );
});
