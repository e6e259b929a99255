import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('other-table', { timeout: 60_000 }, () => {
  it('asks the table that the question speaks of', async () => {
    const result = await repairOnLibrary('SELECT first_name FROM reader_card', 'What are the first names of all members?');
    expect(result.sql).toBe('SELECT first_name FROM member');
  });
});
