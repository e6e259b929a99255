import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('star-columns', { timeout: 60_000 }, () => {
  it('shows the columns that the question names', async () => {
    expect((await repairOnLibrary('SELECT * FROM book', 'What are the titles and genres of the books?')).sql).toBe(
      'SELECT title, genre FROM book',
    );
    expect((await repairOnLibrary('SELECT * FROM book', 'Show all information about titles.')).sql).toBe('SELECT * FROM book');
  });

  it('leaves the star where the question may ask for more than those', async () => {
    const sql = 'SELECT * FROM author';
    expect((await repairOnLibrary(sql, 'Show the birth years and countries.')).sql).toBe(sql);
  });
});
