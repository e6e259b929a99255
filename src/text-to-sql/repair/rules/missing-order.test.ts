import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('missing-order', { timeout: 60_000 }, () => {
  it('adds the order that was asked for', async () => {
    const result = await repairOnLibrary('SELECT title FROM book', 'List all titles ordered by page count.');
    expect(result.sql).toBe('SELECT title FROM book ORDER BY page_count');
  });
});
