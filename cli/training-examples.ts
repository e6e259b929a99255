import type { Database, ResultSet, Schema } from '../src/database/database.ts';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import { canonicalSql } from '../src/text-to-sql/canonical-sql.ts';
import { buildValueIndex, type ColumnValues, type ValueIndex } from '../src/text-to-sql/link-values.ts';
import { buildPrompt, type PromptInput, type PromptStyle } from '../src/text-to-sql/prompt.ts';
import { readColumnValues } from '../src/text-to-sql/read-column-values.ts';
import { tokenize } from '../src/text-to-sql/sql/tokenize.ts';
import { readSpiderDatabase } from './spider-data.ts';

/** A database of Spider with what a prompt needs of it. */
export interface Opened {
  readonly database: Database;
  readonly schema: Schema;
  readonly index: ValueIndex;
  readonly values: readonly ColumnValues[];
}

/** One of the benchmark's databases with its schema and values; undefined where its file is not there. Throws where it cannot be opened. */
export async function openWithValues(spider: string, databaseId: string): Promise<Opened | undefined> {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (!bytes) return undefined;
  const database = new NodeDatabase();
  const opened = await database.open(bytes);
  if (!opened.ok) throw new Error(`${databaseId}: ${opened.error.message}`);
  const schema = opened.value;
  const values = await readColumnValues(database, schema);
  return { database, schema, index: buildValueIndex(values), values };
}

/** A line of a training file. */
export function exampleLine(style: PromptStyle, id: string, databaseId: string, input: PromptInput, sql: string): string {
  const prompt = buildPrompt(style, input);
  // Python counts strings in code points, JavaScript in UTF-16 units.
  const prefix_code_points = [...prompt.prefix].length;
  return `${JSON.stringify({ id, db_id: databaseId, prompt: prompt.prefix + prompt.suffix, prefix_code_points, completion: `${sql}<|im_end|>` })}\n`;
}

/** Long enough for every gold query of train but the cross joins, whose canonical form is then not proved and not used. */
export const queryTimeoutMs = 5_000;

/** The canonical form, only where it returns the same rows in the same order as the query. */
export async function provenCanonical(query: string, { database, schema }: Opened): Promise<string | undefined> {
  const canonical = canonicalSql(query, schema);
  return canonical !== undefined && (await returnTheSame(query, canonical, database)) ? canonical : undefined;
}

/** Whether both queries run in time and return the same rows in the same order. */
export async function returnTheSame(query: string, other: string, database: Database): Promise<boolean> {
  const limits = { rowLimit: 20_000, timeoutMs: queryTimeoutMs };
  const [first, second] = [await database.run(query, limits), await database.run(other, limits)];
  return first.ok && second.ok && !first.value.truncated && rowsText(first.value.rows) === rowsText(second.value.rows);
}

function rowsText(rows: ResultSet['rows']): string {
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? `${String(value)}n` : value));
}

/** The query on one line, without comments and the semicolon at its end; text in quotes stays as it is. As written where it is not SQL. */
export function asOneLine(query: string): string {
  const tokens = tokenize(query);
  if (!tokens.ok) return query.replace(/\s+/g, ' ').trim();
  const words = tokens.value.filter((token) => token.type !== 'end');
  while (words.at(-1)?.value === ';') words.pop();
  return words
    .map(({ start, end }, index) => {
      const before = words[index - 1]?.end ?? start;
      return (before === start ? '' : ' ') + query.slice(start, end);
    })
    .join('');
}
