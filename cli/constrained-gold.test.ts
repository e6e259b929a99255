import path from 'node:path';
import { expect, it } from 'vitest';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { canonicalSql } from '../src/text-to-sql/canonical-sql.ts';
import { NameIndex, namesOf } from '../src/text-to-sql/decoding/names.ts';
import type { Scope } from '../src/text-to-sql/decoding/names-in-place.ts';
import { readBeginning } from '../src/text-to-sql/decoding/query-beginning.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples } from './spider-data.ts';

const spider = path.resolve('../shared/spider');

/** How many of Spider's own queries, in the students' style, constrained decoding would let a model write, in percent. */
async function admitted(split: 'dev' | 'train_spider', scope: Scope): Promise<number> {
  let whole = 0;
  let all = 0;
  for (const [databaseId, examples] of groupByDatabase(await readSpiderExamples(spider, split))) {
    const bytes = await readSpiderDatabase(spider, databaseId);
    if (!bytes) continue;
    const database = new NodeDatabase();
    try {
      const opened = await database.open(bytes);
      if (!opened.ok) throw new Error(opened.error.message);
      const schema = opened.value;
      const names = new NameIndex(namesOf(schema));
      for (const { query } of examples) {
        const canonical = canonicalSql(query, schema);
        if (canonical === undefined) continue;
        all += 1;
        if (readBeginning(`${canonical} `, names, scope).beginning === 'whole') whole += 1;
      }
    } finally {
      await database.close();
    }
  }
  return (whole / all) * 100;
}

it.each([
  ['dev', 'database', 99.9],
  ['dev', 'query', 99.4],
  ['dev', 'strict', 99],
  ['train_spider', 'database', 99.9],
  ['train_spider', 'query', 98.4],
  ['train_spider', 'strict', 98.2],
] as const)('gold of %s, held to the %s: at least %d in a hundred can be written', { timeout: 120_000 }, async (split, scope, least) => {
  expect(await admitted(split, scope)).toBeGreaterThanOrEqual(least);
});
