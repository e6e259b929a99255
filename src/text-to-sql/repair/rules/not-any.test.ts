import { describe, expect, it } from 'vitest';
import { openSample, rulesOf } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('not-any', { timeout: 60_000 }, () => {
  it('leaves out what has any such row', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE land (code TEXT PRIMARY KEY, name TEXT, size INTEGER);
      CREATE TABLE spoken (land_code TEXT REFERENCES land (code), tongue TEXT, is_official TEXT);
      CREATE TABLE town (town_id INTEGER PRIMARY KEY, town_name TEXT, land_code TEXT REFERENCES land (code));
      INSERT INTO land VALUES ('a', 'Alland', 1), ('b', 'Bland', 2), ('c', 'Cland', 3);
      INSERT INTO spoken VALUES ('a', 'Norn', 'T'), ('a', 'Manx', 'F'), ('b', 'Manx', 'T'), ('c', 'Norn', 'F'), ('c', 'Manx', 'T');
      INSERT INTO town VALUES (1, 'Aton', 'a'), (2, 'Bton', 'b');`);
    const asked = async (sql: string, question: string) => repair(sql, database, question, { facts });
    const sql = "SELECT land.name FROM land JOIN spoken ON spoken.land_code = land.code WHERE spoken.tongue != 'Norn' AND land.size > 0";
    const result = await asked(sql, 'Lands where Norn is not spoken');
    expect(result.sql).toBe(
      "SELECT land.name FROM land WHERE land.size > 0 AND land.code NOT IN (SELECT spoken.land_code FROM spoken WHERE spoken.tongue = 'Norn')",
    );
    expect(rulesOf(result)).toEqual(['not-any']);
    expect((await asked(sql, 'Lands where Norn is not the official language')).sql).toContain(
      "spoken.tongue = 'Norn' AND is_official = 'T')",
    );
    const towns = `SELECT t.town_name FROM spoken AS s JOIN land ON s.land_code = land.code JOIN town AS t ON t.land_code = land.code WHERE s.tongue <> 'Norn'`;
    expect((await asked(towns, 'Towns in lands where Norn is not spoken')).sql).toBe(towns);
    for (const question of ['Lands where they speak what is not Norn', 'Lands where another tongue than Norn is spoken'])
      expect((await asked(sql, question)).sql).toBe(sql);
    const shown = sql.replace('land.name', 'land.name, spoken.tongue');
    expect((await asked(shown, 'Lands where Norn is not spoken')).sql).toBe(shown);
    await database.close();
  });
});
