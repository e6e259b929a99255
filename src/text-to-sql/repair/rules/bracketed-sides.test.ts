import { expect, it } from 'vitest';
import { repairOnLibrary, rulesOf } from '../node/library-database.ts';

it('takes the brackets off the sides of a set operation', async () => {
  const result = await repairOnLibrary('(SELECT city FROM branch) UNION (SELECT city FROM member)');
  expect(result.sql).toBe('SELECT city FROM branch UNION SELECT city FROM member');
  expect(rulesOf(result)).toEqual(['bracketed-sides']);
});

it('keeps them where the side has an order or a limit of its own', async () => {
  expect((await repairOnLibrary('SELECT city FROM branch EXCEPT (SELECT city FROM member ORDER BY city LIMIT 1)')).sql).toBe(
    'SELECT city FROM branch EXCEPT SELECT * FROM (SELECT city FROM member ORDER BY city LIMIT 1)',
  );
});
