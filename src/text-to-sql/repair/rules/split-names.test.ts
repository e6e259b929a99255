import { describe, expect, it } from 'vitest';
import { repairOnLibrary } from '../node/library-database.ts';

describe('split-names', { timeout: 60_000 }, () => {
  it('shows joined texts as columns, as a habit only', async () => {
    const sql = "SELECT first_name || ' ' || last_name FROM member";
    expect((await repairOnLibrary(sql)).sql).toBe('SELECT first_name, last_name FROM member');
    expect((await repairOnLibrary(sql, '', { habits: false })).sql).toBe(sql);
  });
});
