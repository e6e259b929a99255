import { describe, expect, it } from 'vitest';
import { openSample, rulesOf } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('name-behind-key', { timeout: 60_000 }, () => {
  it('shows the name that a number of the same name refers to', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE ferry_lines (uid INTEGER PRIMARY KEY, ferry_line TEXT);
      CREATE TABLE trips (trip_no INTEGER PRIMARY KEY, FerryLine INTEGER REFERENCES ferry_lines (uid), harbour TEXT);
      CREATE TABLE harbours (harbour TEXT PRIMARY KEY);
      INSERT INTO ferry_lines VALUES (7, 'Blue Star'), (8, 'Northlink');
      INSERT INTO trips VALUES (1, 7, 'Bari'), (2, 7, 'Kiel'), (3, 8, 'Oban');`);
    const asked = async (sql: string, question: string) => repair(sql, database, question, { facts });
    const result = await asked(
      'SELECT FerryLine FROM trips GROUP BY FerryLine HAVING count(*) > 1',
      'Which ferry lines have more than one trip?',
    );
    expect(result.sql).toBe(
      'SELECT ferry_lines.ferry_line FROM trips JOIN ferry_lines ON trips.FerryLine = ferry_lines.uid GROUP BY trips.FerryLine HAVING count(*) > 1',
    );
    expect(rulesOf(result)).toEqual(['name-behind-key']);
    const joined = 'SELECT t.FerryLine, count(*) FROM trips AS t JOIN ferry_lines AS l ON t.FerryLine = l.uid GROUP BY l.uid';
    expect((await asked(joined, 'How many trips has each ferry line?')).sql).toBe(joined.replace('t.FerryLine,', 'l.ferry_line,'));
    for (const [sql, question] of [
      ['SELECT FerryLine FROM trips', 'Which ferry line ids are there?'],
      ['SELECT harbour FROM trips', 'Which harbours do trips go to?'],
    ] as const)
      expect((await asked(sql, question)).sql).toBe(sql);
    await database.close();
  });
});
