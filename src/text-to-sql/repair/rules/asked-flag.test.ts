import { describe, expect, it } from 'vitest';
import { openSample } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('asked-flag', { timeout: 60_000 }, () => {
  it('asks the column that says it', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE boat (boat_id INTEGER PRIMARY KEY, boat_name TEXT, is_electric TEXT, IsRented INTEGER, is_old TEXT);
      INSERT INTO boat VALUES (1, 'Heron', 'Y', 1, 'maybe'), (2, 'Otter', 'N', 0, 'no'), (3, 'Swift', 'Y', 0, 'yes');`);
    const repaired = async (sql: string, question: string) => (await repair(sql, database, question, { facts })).sql;
    expect(await repaired('SELECT boat_name FROM boat', 'Which electric boats are there, by boat name?')).toBe(
      "SELECT boat_name FROM boat WHERE is_electric = 'Y'",
    );
    expect(await repaired('SELECT boat_name FROM boat WHERE boat_id = 1 OR boat_id = 3', 'Which rented electric boat is 1 or 3?')).toBe(
      "SELECT boat_name FROM boat WHERE (boat_id = 1 OR boat_id = 3) AND is_electric = 'Y' AND IsRented = 1",
    );
    for (const [sql, question] of [
      ['SELECT boat_name FROM boat', 'Which boats are not electric?'],
      ['SELECT boat_name FROM boat', 'Which boats are old?'],
      ['SELECT boat_name, is_electric FROM boat', 'Which boats are electric?'],
      ['SELECT a.boat_name FROM boat AS a JOIN boat AS b ON a.boat_id = b.boat_id + 1', 'Which boat comes after an electric one?'],
    ] as const)
      expect(await repaired(sql, question)).toBe(sql);
    await database.close();
  });
});
