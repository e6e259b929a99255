import type { Database, Schema, SqlValue } from '../database/database.ts';
import type { PromptStyle, SampleRows } from './prompt.ts';
import { sqlName } from './sql-name.ts';

interface ReadOptions {
  readonly signal?: AbortSignal;
}

/** The first three rows of each table. One that cannot be read in time is left out. */
export async function readSampleRows(database: Database, schema: Schema, options: ReadOptions = {}): Promise<SampleRows> {
  const samples = new Map<string, readonly (readonly SqlValue[])[]>();
  for (const table of schema.tables) {
    const limits = { rowLimit: 3, timeoutMs: 2_000, ...options };
    const rows = await database.run(`SELECT * FROM ${sqlName(table.name)} LIMIT 3`, limits);
    if (rows.ok) samples.set(table.name, rows.value.rows);
  }
  return samples;
}

/** The rows that a style shows; undefined where it shows none. */
export async function sampleRowsFor(
  style: PromptStyle,
  database: Database,
  schema: Schema,
  options?: ReadOptions,
): Promise<SampleRows | undefined> {
  return style === 'create-table' ? await readSampleRows(database, schema, options) : undefined;
}
