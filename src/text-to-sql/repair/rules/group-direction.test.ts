import { expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

it('orders by what was grouped in a direction', async () => {
  const result = await repairOnLibrary('SELECT genre FROM book GROUP BY written_by, genre DESC LIMIT 1');
  expect(result.sql).toBe('SELECT genre FROM book GROUP BY written_by, genre ORDER BY genre DESC LIMIT 1');
  expect(rulesOf(result)).toEqual(['group-direction']);
});

it('only leaves the direction out where the query has an order', async () => {
  expect((await repairOnLibrary('SELECT genre FROM book GROUP BY genre ASC ORDER BY COUNT(*)')).sql).toBe(
    'SELECT genre FROM book GROUP BY genre  ORDER BY COUNT(*)',
  );
});
