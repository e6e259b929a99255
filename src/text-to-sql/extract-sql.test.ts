import { expect, test } from 'vitest';
import { extractSql } from './extract-sql.ts';

test.each([
  ['SELECT 1', 'SELECT 1'],
  ['```sql\nSELECT 1;\n```\nDone.', 'SELECT 1'],
  ['Here it is: select a from b; drop table b', 'select a from b'],
  ["SELECT ';' AS x; more", "SELECT ';' AS x"],
  ['SELECT 1<|im_end|>', 'SELECT 1'],
  ['```\nWITH x AS (SELECT 1)', 'WITH x AS (SELECT 1)'],
  ['I cannot say.', ''],
  ['', ''],
])('%j → %j', (answer, sql) => {
  expect(extractSql(answer)).toBe(sql);
});
