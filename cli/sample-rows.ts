import type { Database, Schema } from '../src/database/database.ts';
import type { SampleRows } from '../src/text-to-sql/prompt.ts';
import { sqlName } from '../src/text-to-sql/sql-name.ts';

/** Three rows a table, as the create-table style shows them. */
export async function readSampleRows(database: Database, schema: Schema): Promise<SampleRows> {
  const samples = new Map<string, SampleRows extends ReadonlyMap<string, infer Rows> ? Rows : never>();
  for (const table of schema.tables) {
    const rows = await database.run(`SELECT * FROM ${sqlName(table.name)} LIMIT 3`, { rowLimit: 3 });
    if (rows.ok) samples.set(table.name, rows.value.rows);
  }
  return samples;
}
