import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('unasked-extreme', { timeout: 60_000 }, () => {
  it('shows each where no least or greatest is asked for', async () => {
    const sql = "SELECT min(page_count), title FROM book WHERE genre = 'Novel'";
    expect((await repairOnLibrary(sql, 'Page counts and titles of novels')).sql).toBe(
      "SELECT page_count, title FROM book WHERE genre = 'Novel'",
    );
    for (const question of ['The lowest page count of a novel, and its title', 'The first page count and title of novels'])
      expect((await repairOnLibrary(sql, question)).sql).toBe(sql);
  });
});
