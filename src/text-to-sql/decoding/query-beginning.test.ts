import { describe, expect, test } from 'vitest';
import { concertSchema } from '../../../tests/fixtures/concert-schema.ts';
import { NameIndex, namesOf } from './names.ts';
import type { Scope } from './names-in-place.ts';
import { readBeginning, type Beginning } from './query-beginning.ts';

const names = new NameIndex(namesOf(concertSchema));
const read = (text: string, scope: Scope = 'strict'): Beginning => readBeginning(text, names, scope).beginning;

const queries = [
  'SELECT count(*) FROM singer',
  'SELECT DISTINCT country FROM singer WHERE age > 20',
  'SELECT name, country, age FROM singer ORDER BY age DESC',
  "SELECT avg(age), min(age), max(age) FROM singer WHERE country = 'France'",
  'SELECT stadium.name, count(*) FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id GROUP BY concert.stadium_id HAVING count(*) >= 2',
  'SELECT name FROM stadium WHERE stadium_id NOT IN (SELECT stadium_id FROM concert)',
  "SELECT name FROM singer WHERE name LIKE '%it''s%' AND age BETWEEN 20 AND 30 OR NOT (age = 1 OR country IS NOT NULL)",
  'SELECT name FROM singer WHERE age > (SELECT avg(age) FROM singer) LIMIT 3',
  'SELECT country FROM singer WHERE age > 40 INTERSECT SELECT country FROM singer WHERE age < 30',
  'SELECT "home town" FROM singer WHERE (age + 1) * 2 > -4.5',
  'SELECT t1.name FROM singer AS t1 JOIN singer AS t2 ON t1.age = t2.age',
  'SELECT * FROM concert',
  'SELECT capacity, concert.year FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id',
  'SELECT country, count(*) FROM singer GROUP BY country ORDER BY count(*) DESC LIMIT 1',
  'SELECT count(*) FROM singer ORDER BY count(*)',
  'SELECT count(*) FROM (SELECT country FROM singer GROUP BY country)',
  'SELECT name, max(age) FROM singer',
];

describe('the beginning of a query', () => {
  test.each(queries)('%s is whole, and every beginning of it is open', (query) => {
    for (const scope of ['strict', 'query', 'database'] as const) {
      for (let end = 0; end < query.length; end++) expect([query.slice(0, end), read(query.slice(0, end), scope)]).not.toContain('wrong');
      expect(read(`${query} `, scope)).toBe('whole');
    }
  });

  test.each([
    ['a name that is not there', 'SELECT nam FROM', 'SELECT song_nx'],
    ['a text where a name has to be', "SELECT name FROM 'singer' ", "SELECT name FROM singer JOIN 'stadium' "],
    ['a table that is not there', 'SELECT name FROM singers', 'SELECT name FROM singer_x'],
    ['names in another case than they are shown', 'SELECT Name', 'SELECT name FROM Singer'],
    ['a keyword in small letters', 'select ', 'SELECT name from '],
    ['what runs into a keyword', 'SELECT name FROM singerW', 'SELECT name FROM singer WHERE age > 1O'],
    ['a comparison that is none', 'SELECT name FROM singer WHERE age ORDER', 'SELECT name FROM singer WHERE age =='.concat('=')],
    ['a function that students do not know', 'SELECT mean(', 'SELECT name FROM singer WHERE count('],
    ['the same table twice without aliases', 'SELECT name FROM singer JOIN singer ON'],
    ['a second statement', 'SELECT name FROM singer;', 'SELECT name FROM singer -- '],
    ['prose', 'The ', 'SELECT name FROM singer WHERE age = ? '],
  ])('%s is wrong', (_what, ...texts) => {
    for (const text of texts) expect([text, read(text, 'database')]).toEqual([text, 'wrong']);
  });

  test.each([
    ['a column of another table', 'SELECT count(*) FROM concert WHERE capacity '],
    ['a qualified column of another table', 'SELECT concert.capacity '],
    ['columns that no table has together', 'SELECT capacity, year '],
    ['a table that lacks what the list names', 'SELECT capacity FROM concert '],
    ['a table of the list that is not joined', 'SELECT stadium.name FROM concert WHERE '],
    ['an ambiguous column', 'SELECT count(*) FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id WHERE stadium_id '],
    ['a join along no key', 'SELECT singer.name FROM singer JOIN stadium '],
    ['a join on other columns than the key', 'SELECT stadium.name FROM concert JOIN stadium ON concert.year '],
    ['a subquery of two columns', 'SELECT name FROM singer WHERE age > (SELECT age, name '],
    ['unequal columns under UNION', 'SELECT name FROM singer UNION SELECT name, age '],
  ])('%s is wrong in the query, though of the database', (_what, text) => {
    for (const scope of ['strict', 'query'] as const) expect([text, read(text, scope)]).toEqual([text, 'wrong']);
    expect([text, read(text, 'database')]).not.toContain('wrong');
  });

  test.each([
    ['an aggregate to order by without groups', 'SELECT name FROM singer ORDER BY count('],
    ['a column beside an aggregate without groups', 'SELECT country, count(*) FROM singer ORDER '],
    ['a column beside two aggregates without groups', 'SELECT country, min(age), max(age) FROM singer ORDER '],
    ['an alias for one side of a join with itself', 'SELECT singer.name FROM singer JOIN singer '],
    ['an alias for a table that stands there once', 'SELECT t1.name FROM singer AS t1 WHERE '],
    ['a table three times', 'SELECT t1.name FROM singer AS t1 JOIN singer AS t2 ON t1.age = t2.age JOIN singer '],
    [
      'a condition of a join that goes on and on',
      'SELECT stadium.name FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id AND concert.year = 1 AND ',
    ],
    [
      'a condition of a join while a table is missing',
      'SELECT stadium.name FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id OR EXISTS ',
    ],
    ['a subquery to join', 'SELECT stadium.name FROM concert JOIN ('],
    ['a subquery to take a column from', 'SELECT name FROM ('],
    ['a table beside a subquery', 'SELECT count(*) FROM (SELECT name FROM singer) JOIN '],
    ['queries in queries in queries', `SELECT name FROM singer WHERE ${'age IN (SELECT age FROM singer WHERE '.repeat(3)}age IN (SELECT `],
    [
      'query after query in its conditions',
      `SELECT name FROM singer WHERE ${'age IN (SELECT age FROM singer) OR '.repeat(7)}age IN (SELECT `,
    ],
    ['EXISTS where no query may stand', `SELECT name FROM singer WHERE ${'age IN (SELECT age FROM singer WHERE '.repeat(3)}EXISTS `],
    ['a condition without an end', `SELECT name FROM singer WHERE ${'age > 1 AND '.repeat(6)}`],
    ['a sum without an end', `SELECT name FROM singer WHERE age > ${'1 + '.repeat(6)}`],
    ['a condition in parentheses without an end', `SELECT name FROM singer WHERE (${'age > 1 AND '.repeat(6)}`],
    ['conditions in parentheses in parentheses in parentheses', 'SELECT name FROM singer WHERE ((('],
    ['sums in parentheses in parentheses in parentheses', 'SELECT name FROM singer WHERE age > (1 + (2 * ('],
    ['groups without an end', `SELECT count(*) FROM singer GROUP BY ${'age, '.repeat(6)}`],
    ['an order without an end', `SELECT name FROM singer ORDER BY ${'age DESC, '.repeat(6)}`],
    ['a list without an end', `SELECT name FROM singer WHERE age IN (${'1, '.repeat(12)}`],
    ['a minus of a minus', 'SELECT name FROM singer WHERE age > --'],
    ['a number that SQLite has no room for', `SELECT name FROM singer WHERE age > ${'1'.repeat(20)}`],
    ['an alias where the list has the table by its name', 'SELECT singer.name FROM singer AS '],
    ['an alias where the list has a column of it by no name', 'SELECT name FROM singer AS '],
    ['a table without the alias that the list has', 'SELECT t1.name FROM singer JOIN '],
    ['a table that has nothing of what the list takes by an alias', 'SELECT t1.capacity FROM singer '],
  ])('%s is wrong strictly, though repair may put it right', (_what, text) => {
    expect([text, read(text)]).toEqual([text, 'wrong']);
    expect([text, read(text, 'query')]).not.toContain('wrong');
  });

  test('what other tables refer to by another name is not looked for in its own table', () => {
    const cars = new NameIndex({
      tables: { car_names: ['makeid', 'model'], cars_data: ['id', 'year'] },
      keys: [{ table: 'cars_data', column: 'id', refersTo: 'car_names', reference: 'makeid' }],
    });
    const ask = (text: string, scope: Scope = 'strict') => readBeginning(text, cars, scope);
    expect(ask('SELECT model FROM car_names WHERE makeid IN (SELECT m').completions).toEqual(['in', 'ax']);
    expect(ask('SELECT model FROM car_names WHERE makeid IN (SELECT ').completions).toContain('id');
    expect(ask('SELECT model FROM car_names WHERE car_names.makeid NOT IN (SELECT makeid FROM ').beginning).toBe('wrong');
    expect(ask('SELECT model FROM car_names WHERE makeid IN (SELECT makeid FROM ', 'query').beginning).toBe('open');
    for (const whole of [
      'SELECT model FROM car_names WHERE makeid IN (SELECT id FROM cars_data) ',
      'SELECT model FROM car_names WHERE makeid IN (SELECT min(makeid) FROM car_names GROUP BY model) ',
      'SELECT model FROM car_names WHERE makeid IN (SELECT car_names.makeid FROM car_names JOIN cars_data ON cars_data.id = car_names.makeid) ',
      'SELECT model FROM car_names WHERE model IN (SELECT model FROM car_names) ',
    ])
      expect([whole, ask(whole).beginning]).toEqual([whole, 'whole']);
  });

  test('a table that another refers to twice is joined twice, and a key of two columns along both', () => {
    const flights = new NameIndex({
      tables: {
        airports: ['code', 'city', 'gate'],
        flights: ['source', 'target', 'pilot_number', 'pilot_airline'],
        pilots: ['number', 'airline', 'name'],
      },
      keys: [
        { table: 'flights', column: 'source', refersTo: 'airports', reference: 'code' },
        { table: 'flights', column: 'target', refersTo: 'airports', reference: 'code' },
        { table: 'flights', column: 'pilot_number', refersTo: 'pilots', reference: 'number' },
        { table: 'flights', column: 'pilot_airline', refersTo: 'pilots', reference: 'airline' },
      ],
    });
    const twice =
      'SELECT t1.city, t2.city FROM flights JOIN airports AS t1 ON flights.source = t1.code JOIN airports AS t2 ON flights.target = t2.code ';
    expect(readBeginning(twice, flights, 'strict').beginning).toBe('whole');
    const both = 'FROM pilots JOIN flights ON pilots.number = flights.pilot_number AND pilots.airline = flights.pilot_airline ';
    expect(readBeginning(`SELECT airports.city ${both}JOIN airports ON airports.code = flights.source `, flights, 'strict').beginning).toBe(
      'whole',
    );
  });

  test.each([
    '',
    'SELECT name FROM singer WHERE ',
    'SELECT stadium.name FROM concert ',
    "SELECT name FROM singer WHERE country = 'Fr",
    'SELECT (name ',
    'SELECT country, count(*) FROM singer ',
    'SELECT t1.name FROM singer AS t1 ',
  ])('a query cannot end at “%s”', (text) => expect(read(text)).toBe('open'));

  test('it knows what can come next, and within a word what the word can become', () => {
    const ends = (text: string): string[] => readBeginning(text, names, 'strict').completions.toSorted();
    expect(ends('SELECT name FROM sta')).toEqual(['dium']);
    expect(ends('SELECT name FROM singer GR')).toEqual(['OUP']);
    expect(ends('SELECT name FROM singer WHERE cou')).toEqual(['ntry']);
    expect(ends('SELECT name FROM singer LIMIT ')).toEqual(['1']);
    expect(ends('SELECT name FROM singer WHERE age > 20 ')).toEqual(
      ['%', '*', '+', '-', '/', '||', ...'AND EXCEPT GROUP INTERSECT LIMIT OR ORDER UNION'.split(' ')].toSorted(),
    );
  });

  test('a schema of 300 tables is read in milliseconds', () => {
    const tables = Object.fromEntries(
      Array.from({ length: 300 }, (_, table) => [
        `table_${String(table)}`,
        Array.from({ length: 30 }, (_, column) => `column_${String(table)}_${String(column)}`),
      ]),
    );
    const text = `SELECT column_7_1, column_7_2 FROM table_7 WHERE column_7_3 = 'x' AND colu`;
    const large = new NameIndex({ tables, keys: [] });
    const started = performance.now();
    for (let round = 0; round < 20; round++) readBeginning(text, large, 'strict');
    expect((performance.now() - started) / 20).toBeLessThan(50);
  });
});
