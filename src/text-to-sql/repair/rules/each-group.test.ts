import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('each-group', { timeout: 60_000 }, () => {
  it('shows what the figures are of', async () => {
    expect(
      (await repairOnLibrary('SELECT max(page_count) FROM book GROUP BY genre', 'What is the longest page count per genre?')).sql,
    ).toBe('SELECT max(page_count), genre FROM book GROUP BY genre');
  });

  it('leaves one figure of all alone', async () => {
    const sql = 'SELECT max(page_count), title FROM book';
    expect((await repairOnLibrary(sql, 'What is the page count and title of the longest book?')).sql).toBe(sql);
  });
});
