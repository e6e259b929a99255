import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('direction', { timeout: 60_000 }, () => {
  it('sorts as the question says', async () => {
    const question = 'List the titles by page count in descending order.';
    expect((await repairOnLibrary('SELECT title FROM book ORDER BY page_count', question)).sql).toBe(
      'SELECT title FROM book ORDER BY page_count DESC',
    );
    expect((await repairOnLibrary('SELECT title FROM book ORDER BY page_count DESC', question)).changes).toEqual([]);
  });
});
