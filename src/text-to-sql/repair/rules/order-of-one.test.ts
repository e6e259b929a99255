import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('order-of-one', { timeout: 60_000 }, () => {
  it('shows the row that comes first', async () => {
    const question = 'What is the page count of the newest book?';
    expect((await repairOnLibrary('SELECT max(page_count) FROM book ORDER BY book_id DESC LIMIT 1', question)).sql).toBe(
      'SELECT page_count FROM book ORDER BY book_id DESC LIMIT 1',
    );
  });

  it.each([
    'SELECT max(page_count) FROM book ORDER BY page_count DESC LIMIT 1',
    'SELECT max(page_count) FROM book GROUP BY genre ORDER BY genre DESC LIMIT 1',
    'SELECT count(*) FROM book ORDER BY book_id LIMIT 1',
  ])('leaves alone: %s', async (sql) => {
    expect((await repairOnLibrary(sql, 'What is the highest page count of a book?')).sql).toBe(sql);
  });
});
