import type { Database, Schema } from '../database/database.ts';
import type { ColumnValues } from './link-values.ts';
import { sqlName } from './sql-name.ts';

export interface ReadColumnValuesOptions {
  /** Distinct texts a column; the default holds every column of Spider that names things, and bounds memory at some 1 MB a column. */
  readonly mostPerColumn?: number;
  /** Longer cells are prose, which no question quotes whole. */
  readonly longestValue?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The distinct texts of every column of every table, read by plain queries. A column that cannot be read in time is left out. */
export async function readColumnValues(database: Database, schema: Schema, options: ReadColumnValuesOptions = {}): Promise<ColumnValues[]> {
  const { mostPerColumn = 10_000, longestValue = 64, timeoutMs = 5_000, signal } = options;
  const all: ColumnValues[] = [];
  for (const table of schema.tables) {
    if (table.kind !== 'table') continue;
    for (const column of table.columns) {
      const name = sqlName(column.name);
      const sql =
        `SELECT DISTINCT ${name} FROM ${sqlName(table.name)} ` +
        `WHERE typeof(${name}) = 'text' AND length(${name}) BETWEEN 1 AND ${String(longestValue)} LIMIT ${String(mostPerColumn)}`;
      const result = await database.run(sql, { rowLimit: mostPerColumn, timeoutMs, ...(signal ? { signal } : {}) });
      if (!result.ok) continue;
      const values = result.value.rows.flatMap((row) => (typeof row[0] === 'string' ? [row[0]] : []));
      if (values.length > 0) all.push({ table: table.name, column: column.name, values });
    }
  }
  return all;
}
