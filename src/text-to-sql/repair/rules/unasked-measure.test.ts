import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('unasked-measure', { timeout: 60_000 }, () => {
  it('shows the one that was asked for, not the figure', async () => {
    const sql = 'SELECT genre, COUNT(*) AS n FROM book GROUP BY genre ORDER BY n DESC LIMIT 1';
    expect((await repairOnLibrary(sql, 'Which genre has the most books?')).sql).toBe(
      'SELECT genre FROM book GROUP BY genre ORDER BY COUNT(*) DESC LIMIT 1',
    );
    expect((await repairOnLibrary(sql, 'Which genre has the most books, and how many?')).sql).toBe(sql);
  });
});
