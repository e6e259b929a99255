import { describe, expect, it } from 'vitest';
import { openSample, rulesOf } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('other-side', { timeout: 60_000 }, () => {
  it('shows whom the given one is linked with', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE pupil (id INTEGER PRIMARY KEY, name TEXT, grade INTEGER);
      CREATE TABLE pair (pupil_id INTEGER REFERENCES pupil (id), friend_id INTEGER REFERENCES pupil (id));
      INSERT INTO pupil VALUES (1, 'Kyle', 9), (2, 'Ann', 9), (3, 'Bo', 8);
      INSERT INTO pair VALUES (1, 2), (1, 3), (2, 3);`);
    const asked = async (sql: string, question: string) => repair(sql, database, question, { facts });
    const sql = "SELECT pupil.name FROM pair JOIN pupil ON pair.pupil_id = pupil.id WHERE name = 'Kyle'";
    const result = await asked(sql, 'Who are the friends of Kyle?');
    expect(result.sql).toBe(
      "SELECT other.name FROM pair JOIN pupil ON pair.pupil_id = pupil.id JOIN pupil AS other ON pair.friend_id = other.id WHERE pupil.name = 'Kyle'",
    );
    expect(rulesOf(result)).toEqual(['other-side']);
    const swapped = sql.replace('pair.pupil_id', 'pair.friend_id');
    expect((await asked(swapped, 'Who are the friends of Kyle?')).sql).toBe(
      "SELECT other.name FROM pair JOIN pupil ON pair.pupil_id = pupil.id JOIN pupil AS other ON pair.friend_id = other.id WHERE pupil.name = 'Kyle'",
    );
    const grade = sql.replace('SELECT pupil.name', 'SELECT pupil.grade');
    expect((await asked(grade, 'The grades of the friends of Kyle')).sql).toBe(grade);
    await database.close();
  });
});
