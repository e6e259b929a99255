import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('literal-spelling', { timeout: 60_000 }, () => {
  it('writes a text as the cell has it: case, accents, plural, typing errors', async () => {
    for (const [wrong, right, column] of [
      ['novel', 'Novel', 'genre'],
      ['Novels', 'Novel', 'genre'],
      ['the canal', 'The Canal', 'title'],
      ['Paper Boat', 'Paper Boats', 'title'],
      ['Papper Boats', 'Paper Boats', 'title'],
    ] as const) {
      const result = await repairOnLibrary(`SELECT page_count FROM book WHERE ${column} = '${wrong}'`);
      expect(result.sql).toBe(`SELECT page_count FROM book WHERE ${column} = '${right}'`);
    }
    expect((await repairOnLibrary("SELECT birth_year FROM author WHERE full_name = 'Jorg Winter'")).sql).toContain("'Jörg Winter'");
  });

  it('takes a text in double quotes that names nothing', async () => {
    expect((await repairOnLibrary('SELECT title FROM book WHERE genre = "poetry"')).sql).toBe(
      "SELECT title FROM book WHERE genre = 'Poetry'",
    );
  });

  it('leaves a text that the column holds, and one that is like none of its cells', async () => {
    for (const text of ['Novel', 'Cookery']) {
      const sql = `SELECT title FROM book WHERE genre = '${text}'`;
      expect((await repairOnLibrary(sql)).sql).toBe(sql);
    }
  });
});
