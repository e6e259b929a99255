import { expect, test } from 'vitest';
import { neighbours } from './neighbours.ts';

const tables: Record<string, ReadonlySet<string>> = {
  singer: new Set(['singer_id', 'name', 'age', 'country']),
  concert: new Set(['concert_id', 'singer_id', 'year']),
};
const of = (sql: string) => neighbours(sql, (table) => tables[table] ?? null);

test('one fault each: operators, numbers, texts, columns, aggregates', () => {
  const found = of("SELECT avg(age) FROM singer WHERE country = 'France' AND age > 20");
  expect(found).toEqual(
    expect.arrayContaining([
      "SELECT max(age) FROM singer WHERE country = 'France' AND age > 20",
      "SELECT avg(singer_id) FROM singer WHERE country = 'France' AND age > 20",
      "SELECT avg(age) FROM singer WHERE country != 'France' AND age > 20",
      "SELECT avg(age) FROM singer WHERE country = 'Francex' AND age > 20",
      "SELECT avg(age) FROM singer WHERE country = 'France' OR age > 20",
      "SELECT avg(age) FROM singer WHERE country = 'France' AND age >= 20",
      "SELECT avg(age) FROM singer WHERE country = 'France' AND age > 21",
      "SELECT avg(age) FROM singer WHERE country = 'France'",
      'SELECT avg(age) FROM singer WHERE age > 20',
      'SELECT avg(age) FROM singer ',
    ]),
  );
  expect(new Set(found).size).toBe(found.length);
});

test('order, limit, grouping, set operations, NOT', () => {
  expect(of('SELECT name FROM singer ORDER BY age DESC LIMIT 1')).toEqual(
    expect.arrayContaining([
      'SELECT name FROM singer ORDER BY age ASC LIMIT 1',
      'SELECT name FROM singer ORDER BY age DESC LIMIT 2',
      'SELECT name FROM singer ORDER BY age DESC ',
      'SELECT name FROM singer  LIMIT 1',
    ]),
  );
  expect(of('SELECT country FROM singer GROUP BY country HAVING count(*) > 2')).toContain('SELECT country FROM singer GROUP BY country ');
  expect(of('SELECT name FROM singer WHERE singer_id NOT IN (SELECT singer_id FROM concert)')).toContain(
    'SELECT name FROM singer WHERE singer_id  IN (SELECT singer_id FROM concert)',
  );
  const union = of('SELECT name FROM singer WHERE age > 3 INTERSECT SELECT name FROM singer WHERE age < 9');
  expect(union).toContain('SELECT name FROM singer WHERE age > 3 EXCEPT SELECT name FROM singer WHERE age < 9');
  expect(union).toContain('SELECT name FROM singer WHERE age > 3');
});

test('joins keep their conditions, DISTINCT and what cannot be read have none', () => {
  const joined = of('SELECT T1.name FROM singer AS T1 JOIN concert AS T2 ON T1.singer_id = T2.singer_id');
  expect(joined.every((sql) => sql.endsWith('ON T1.singer_id = T2.singer_id'))).toBe(true);
  expect(of('SELECT DISTINCT country FROM singer').every((sql) => sql.startsWith('SELECT DISTINCT'))).toBe(true);
  expect(of('SELEC name FROM singer')).toEqual([]);
});
