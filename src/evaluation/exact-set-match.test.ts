import { describe, expect, it } from 'vitest';
import { exactSetMatch } from './exact-set-match.ts';
import { foreignKeyMap } from './foreign-key-map.ts';
import { EMPTY_SQL, parseSpiderSql, parserSchema } from './spider-sql.ts';

const column = (name: string): { name: string; type: string; notNull: boolean; primaryKey: number } => ({
  name,
  type: '',
  notNull: false,
  primaryKey: 0,
});
const schema = parserSchema({
  tables: [
    { name: 'Singer', kind: 'table', columns: ['Id', 'Name', 'Age'].map(column), foreignKeys: [], rowCount: 0 },
    { name: 'Song', kind: 'table', columns: ['Id', 'Singer_Id', 'Title'].map(column), foreignKeys: [], rowCount: 0 },
  ],
});
const foreignKeys = foreignKeyMap({
  db_id: 'songs',
  table_names_original: ['Singer', 'Song'],
  column_names_original: [
    [-1, '*'],
    [0, 'Id'],
    [0, 'Name'],
    [0, 'Age'],
    [1, 'Id'],
    [1, 'Singer_Id'],
    [1, 'Title'],
  ],
  foreign_keys: [[5, 1]],
});

const match = (gold: string, predicted: string): 0 | 1 =>
  exactSetMatch(schema, foreignKeys, parseSpiderSql(schema, gold), parseSpiderSql(schema, predicted)).match;

describe('exact set match', () => {
  it.each([
    ['itself', 'SELECT name , age FROM singer', 'SELECT name , age FROM singer'],
    ['columns in another order', 'SELECT name , age FROM singer', 'SELECT age , name FROM singer'],
    ['other literals', 'SELECT name FROM singer WHERE age > 3', 'SELECT name FROM singer WHERE age > 40'],
    ['another LIMIT', 'SELECT name FROM singer ORDER BY age LIMIT 1', 'SELECT name FROM singer ORDER BY age LIMIT 5'],
    ['DISTINCT', 'SELECT DISTINCT name FROM singer', 'SELECT name FROM singer'],
    [
      'the other side of a foreign key',
      'SELECT T1.id FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id',
      'SELECT T2.singer_id FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id',
    ],
    ['conditions in another order', 'SELECT name FROM singer WHERE age > 3 AND id > 1', 'SELECT name FROM singer WHERE id > 1 AND age > 3'],
    [
      'any join condition',
      'SELECT T1.name FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id',
      'SELECT T1.name FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.id',
    ],
  ])('takes %s as the same', (_, gold, predicted) => {
    expect(match(gold, predicted)).toBe(1);
  });

  it.each([
    ['another column', 'SELECT name FROM singer', 'SELECT age FROM singer'],
    ['another aggregation', 'SELECT max(age) FROM singer', 'SELECT min(age) FROM singer'],
    ['another direction', 'SELECT name FROM singer ORDER BY age', 'SELECT name FROM singer ORDER BY age DESC'],
    ['OR for AND', 'SELECT name FROM singer WHERE age > 3 AND id > 1', 'SELECT name FROM singer WHERE age > 3 OR id > 1'],
    ['another table', 'SELECT count(*) FROM singer', 'SELECT count(*) FROM song'],
    ['a set operation too many', 'SELECT name FROM singer', 'SELECT name FROM singer UNION SELECT name FROM singer'],
    [
      'DISTINCT inside a nested query, which is kept',
      'SELECT name FROM singer WHERE id IN (SELECT singer_id FROM song)',
      'SELECT name FROM singer WHERE id IN (SELECT DISTINCT singer_id FROM song)',
    ],
  ])('takes %s as different', (_, gold, predicted) => {
    expect(match(gold, predicted)).toBe(0);
  });

  it('never matches the empty query that stands for a prediction that does not parse', () => {
    const gold = parseSpiderSql(schema, 'SELECT name FROM singer');
    const { match: whole, clauses } = exactSetMatch(schema, foreignKeys, gold, EMPTY_SQL);
    expect(whole).toBe(0);
    expect(clauses.select).toEqual({ match: 0, goldTotal: 1, predictedTotal: 0 });
    expect(clauses.where).toEqual({ match: 1, goldTotal: 0, predictedTotal: 0 });
  });
});
