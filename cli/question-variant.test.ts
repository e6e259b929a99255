import { describe, expect, it } from 'vitest';
import { createDatabase } from '../src/database/node/create-database.ts';
import { InProcessDatabase } from '../src/database/node/node-database.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import { questionVariant, type Cells } from './question-variant.ts';

const database = new InProcessDatabase();
const opened = await database.open(
  await createDatabase(`CREATE TABLE Singer (Singer_ID int PRIMARY KEY, Name text, Birth_Year int, Net_Worth int, Home_Country text, Hobby text);
    CREATE TABLE Song (Song_ID int PRIMARY KEY, Title text, Singer_ID int REFERENCES Singer, Sales int);
    INSERT INTO Singer VALUES (1, 'Ada', 1980, 5, 'France', 'Chess');`),
);
if (!opened.ok) throw new Error(opened.error.message);
const schema = opened.value;
const held = new Map([
  ['singer.home_country', ['France', 'Japan', 'Peru']],
  ['singer.hobby', ['Chess', 'Go']],
]);
const cells: Cells = (table, column) => held.get(`${table}.${column}`) ?? [];

/** All that 200 seeds make of a question. */
function made(question: string, sql: string): { question: string; sql: string }[] {
  const found = new Map<string, { question: string; sql: string }>();
  for (let seed = 1; seed <= 200; seed++) {
    const variant = questionVariant(question, sql, schema, cells, seededRandom(seed));
    if (variant !== undefined) found.set(variant.sql, variant);
  }
  return [...found.values()];
}

describe('questionVariant', () => {
  it('exchanges a column in question and query alike, plural and all', () => {
    expect(made('What is the average birth year of all singers?', 'SELECT avg(birth_year) FROM singer')).toEqual([
      { question: 'What is the average net worth of all singers?', sql: 'SELECT avg(Net_Worth) FROM singer' },
    ]);
    expect(made('List the titles of songs.', 'SELECT title FROM song')).toEqual([]);
    expect(
      made('List the hobbies of singers.', 'SELECT hobby FROM singer')
        .map(({ question }) => question)
        .sort(),
    ).toEqual(['List the home countries of singers.', 'List the names of singers.']);
  });

  it('exchanges a text that is compared with, alone or with its column', () => {
    const variants = made('How many singers have the home country France?', "SELECT count(*) FROM singer WHERE home_country = 'France'");
    expect(variants).toContainEqual({
      question: 'How many singers have the home country Peru?',
      sql: "SELECT count(*) FROM singer WHERE home_country = 'Peru'",
    });
    expect(variants).toContainEqual({
      question: 'How many singers have the hobby Go?',
      sql: "SELECT count(*) FROM singer WHERE Hobby = 'Go'",
    });
    // Names hold no texts here, so nothing could be compared with them.
    expect(variants.filter(({ sql }) => /name/i.test(sql))).toEqual([]);
  });

  it('leaves keys, what the question does not name, and what could be meant twice', () => {
    expect(made('What is the singer id of each song?', 'SELECT singer_id FROM song')).toEqual([]);
    expect(made('How rich is everybody?', 'SELECT net_worth FROM singer')).toEqual([]);
    expect(made('Give names.', 'SELECT a.name FROM singer AS a JOIN nobody AS b ON a.singer_id = b.id')).toEqual([]);
    expect(made('Which singers are from France?', "SELECT name FROM singer WHERE home_country LIKE '%France%'")).toEqual([]);
  });

  it('makes the same of the same numbers', () => {
    const once = () => questionVariant('Show the hobby of singers.', 'SELECT hobby FROM singer', schema, cells, seededRandom(3));
    expect(once()).toEqual(once());
  });
});
