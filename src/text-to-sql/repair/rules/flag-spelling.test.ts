import { describe, expect, it } from 'vitest';
import { openSample } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('flag-spelling', { timeout: 60_000 }, () => {
  it("answers in the column's own spelling", async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE boat (boat_id INTEGER PRIMARY KEY, is_electric TEXT, rented INTEGER, state TEXT);
      INSERT INTO boat VALUES (1, 'T', 1, 'new'), (2, 'F', 0, 'old'), (3, 'T', 0, 'sunk');`);
    const repaired = async (sql: string) => (await repair(sql, database, 'Which boats?', { facts })).sql;
    expect(await repaired("SELECT boat_id FROM boat WHERE is_electric = 'Yes'")).toBe("SELECT boat_id FROM boat WHERE is_electric = 'T'");
    expect(await repaired("SELECT boat_id FROM boat WHERE is_electric != 'n' AND rented = 'true'")).toBe(
      "SELECT boat_id FROM boat WHERE is_electric != 'F' AND rented = 1",
    );
    for (const sql of ["SELECT boat_id FROM boat WHERE is_electric = 'T'", "SELECT boat_id FROM boat WHERE state = 'yes' OR boat_id = 1"])
      expect(await repaired(sql)).toBe(sql);
    await database.close();
  });
});
