import { describe, expect, it } from 'vitest';
import { openSample } from '../node/library-database.ts';
import { repair } from '../repair.ts';

describe('group-by-key', { timeout: 60_000 }, () => {
  it('keeps two rows of one name apart', async () => {
    const { database, facts } = await openSample(`
      CREATE TABLE show (show_id INTEGER PRIMARY KEY, show_name TEXT, town TEXT);
      CREATE TABLE ticket (ticket_id INTEGER PRIMARY KEY, show_id INTEGER REFERENCES show (show_id));
      INSERT INTO show VALUES (1, 'Gala', 'Bonn'), (2, 'Gala', 'Rome'), (3, 'Finale', 'Rome');
      INSERT INTO ticket VALUES (1, 1), (2, 1), (3, 2), (4, 3);`);
    const repaired = async (sql: string, question: string) => (await repair(sql, database, question, { facts })).sql;
    const sql = 'SELECT s.show_name, count(*) FROM show AS s JOIN ticket AS t ON t.show_id = s.show_id GROUP BY s.show_name';
    expect(await repaired(sql, 'How many tickets does every show have?')).toBe(sql.replace('BY s.show_name', 'BY s.show_id'));
    expect(await repaired(sql, 'How many tickets are there for each show name?')).toBe(sql);
    const town = sql.replaceAll('show_name', 'town');
    expect(await repaired(town, 'How many tickets per town?')).toBe(town);
    await database.close();
  });
});
