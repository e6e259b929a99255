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

  it('knows at which end the oldest and the latest are', async () => {
    for (const [sql, question, repaired] of [
      ['SELECT full_name FROM author ORDER BY birth_year DESC LIMIT 1', 'Who is the oldest author?', 'birth_year ASC LIMIT 1'],
      ['SELECT full_name FROM author ORDER BY birth_year LIMIT 1', 'Who is the youngest author?', 'birth_year DESC LIMIT 1'],
      ['SELECT loan_id FROM loan ORDER BY day LIMIT 1', 'What is the id of the most recent loan?', 'day DESC LIMIT 1'],
      ['SELECT loan_id FROM loan ORDER BY day LIMIT 1', 'What is the id of the earliest loan?', 'day LIMIT 1'],
    ] as const)
      expect((await repairOnLibrary(sql, question)).sql).toContain(`ORDER BY ${repaired}`);
  });
});
