import { describe, expect, test } from 'vitest';
import { concertSchema } from '../../tests/fixtures/concert-schema.ts';
import { canonicalSql } from './canonical-sql.ts';

const cases: [string, string, string][] = [
  ['keywords, spaces, names and functions', 'select  COUNT ( * ) from SINGER;', 'SELECT count(*) FROM singer'],
  [
    'a table that stands alone needs no alias',
    'SELECT T1.Name FROM singer AS T1 WHERE T1.Age > 5',
    'SELECT name FROM singer WHERE age > 5',
  ],
  [
    'several tables are qualified by their own names, joins read child = parent',
    'SELECT T2.Name, Year FROM stadium AS T2 INNER JOIN concert AS T1 ON T2.stadium_id = T1.stadium_id',
    'SELECT stadium.name, concert.year FROM stadium JOIN concert ON concert.stadium_id = stadium.stadium_id',
  ],
  ['double quotes around a text', 'SELECT Name FROM singer WHERE Country = "France"', "SELECT name FROM singer WHERE country = 'France'"],
  ['double quotes around a name', 'SELECT "Home Town" FROM singer', 'SELECT "home town" FROM singer'],
  [
    'a table joined with itself keeps its aliases',
    'SELECT a.name FROM singer AS a JOIN singer AS b ON a.age = b.age',
    'SELECT a.name FROM singer AS a JOIN singer AS b ON a.age = b.age',
  ],
  [
    'subqueries have their own scope',
    'SELECT T1.Name FROM singer AS T1 WHERE T1.Singer_ID NOT IN (SELECT T1.Singer_ID FROM singer_in_concert AS T1)',
    'SELECT name FROM singer WHERE singer_id NOT IN (SELECT singer_id FROM singer_in_concert)',
  ],
  [
    'ASC and <> are left out',
    'SELECT Name FROM singer WHERE Age <> 3 ORDER BY Age ASC',
    'SELECT name FROM singer WHERE age != 3 ORDER BY age',
  ],
  ['a sign stays with its number', 'SELECT Name FROM singer WHERE Age > -5', 'SELECT name FROM singer WHERE age > -5'],
];

describe('canonicalSql', () => {
  test.each(cases)('%s', (_, sql, expected) => {
    expect(canonicalSql(sql, concertSchema)).toBe(expected);
  });
  test('is idempotent', () => {
    for (const [, , expected] of cases) expect(canonicalSql(expected, concertSchema)).toBe(expected);
  });
  test('leaves alone what it does not understand', () => {
    expect(canonicalSql('WITH x AS (SELECT 1) SELECT * FROM x', concertSchema)).toBeUndefined();
    expect(canonicalSql('SELECT name FROM singer; SELECT 1', concertSchema)).toBeUndefined();
  });
});
