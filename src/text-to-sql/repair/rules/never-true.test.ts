import { describe, expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

const plain = { habits: false };

describe('never-true', { timeout: 60_000 }, () => {
  it('makes two values of one column an INTERSECT', async () => {
    const sql = "SELECT written_by FROM book WHERE genre = 'Novel' AND genre = 'Poetry' AND page_count > 5";
    const result = await repairOnLibrary(sql, 'Who wrote novels and poetry of more than 5 pages?', plain);
    expect(result.sql).toBe(
      "SELECT written_by FROM book WHERE page_count > 5 AND genre = 'Novel' INTERSECT SELECT written_by FROM book WHERE page_count > 5 AND genre = 'Poetry'",
    );
    expect(rulesOf(result)).toEqual(['never-true']);
  });

  it('makes them an OR where the question says so', async () => {
    const sql = "SELECT written_by FROM book WHERE genre = 'Novel' AND genre = 'Poetry' AND page_count > 5";
    expect((await repairOnLibrary(sql, 'Who wrote a novel or poetry?', plain)).sql).toBe(
      "SELECT written_by FROM book WHERE page_count > 5 AND (genre = 'Novel' OR genre = 'Poetry')",
    );
  });

  it('knows ranges that do not meet, and leaves those that do', async () => {
    const wide = 'SELECT written_by FROM book WHERE page_count < 100 AND page_count > 300';
    expect((await repairOnLibrary(wide, 'Who wrote short and long books?', plain)).sql).toBe(
      'SELECT written_by FROM book WHERE page_count < 100 INTERSECT SELECT written_by FROM book WHERE page_count > 300',
    );
    const empty = 'SELECT written_by FROM book WHERE page_count > 400 AND page_count < 500';
    expect((await repairOnLibrary(empty, 'Who wrote books of 400 to 500 pages?', plain)).sql).toBe(empty);
  });

  it('takes the extreme itself where the query asks for what lies beyond it', async () => {
    const sql = 'SELECT title FROM book WHERE page_count < (SELECT min(page_count) FROM book)';
    expect((await repairOnLibrary(sql, 'Which is the shortest book?', plain)).sql).toBe(
      'SELECT title FROM book WHERE page_count = (SELECT min(page_count) FROM book)',
    );
  });
});
