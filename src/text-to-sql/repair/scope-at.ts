import type { Schema } from '../../database/database.ts';
import type { Scope } from '../sql/scopes.ts';
import { readTree } from '../sql/tree.ts';
import { tokenize, type Token } from '../sql/tokenize.ts';
import { Catalog } from './catalog.ts';

/** A table, WITH table or subquery that a name at some place of a statement can mean. */
export interface ReachableSource {
  /** What its columns are qualified with, as written. */
  readonly label: string;
  /** The table's name as the schema has it; null for subqueries and WITH tables. */
  readonly table: string | null;
  /** Column names as the schema has them; empty where they are not known. */
  readonly columns: readonly string[];
}

/** A name of letters, so that a half-written `a.` or `WHERE ` before the cursor can be read. */
const PLACEHOLDER = 'placeholder_';

/**
 * What is in reach at an offset of a statement that may be half written: the SELECT around it first, then the ones around that.
 * Read from the tree where the statement can be parsed, with a name put in at the cursor if need be, else from the words of FROM.
 */
export function scopeAt(sql: string, offset: number, schema: Schema): ReachableSource[] {
  const catalog = new Catalog(schema);
  for (const filler of ['', PLACEHOLDER, ` = ${PLACEHOLDER}`]) {
    const tree = readTree(sql.slice(0, offset) + filler + sql.slice(offset), catalog.lookup);
    if (tree === null) continue;
    const inner = tree.scopes.filter(({ query }) => query.start <= offset && offset <= query.end + filler.length);
    const scope = narrowest(
      inner.filter(({ select, query }) => query.cores.length === 1 || (select.start <= offset && offset <= select.end + filler.length)),
    );
    if (scope !== null) return reachable(scope, catalog);
  }
  return fromWords(sql, offset, catalog);
}

function narrowest(scopes: readonly Scope[]): Scope | null {
  let best: Scope | null = null;
  for (const scope of scopes) if (best === null || scope.query.end - scope.query.start <= best.query.end - best.query.start) best = scope;
  return best;
}

function reachable(scope: Scope, catalog: Catalog): ReachableSource[] {
  const sources: ReachableSource[] = [];
  for (let at: Scope | null = scope; at !== null; at = at.parent) {
    for (const source of at.sources) {
      const { table } = source;
      const columns = [...(source.columns ?? [])].map((column) => (table === null ? column : catalog.columnName(table, column)));
      sources.push({ label: source.label, table: table === null ? null : catalog.tableName(table), columns });
    }
  }
  return sources;
}

/** `FROM a x JOIN b` around the cursor, by brackets and words only. */
function fromWords(sql: string, offset: number, catalog: Catalog): ReachableSource[] {
  const read = tokenize(sql);
  const tokens = read.ok ? read.value : tokensBefore(sql, offset);
  const frames: { start: number; end: number }[] = [{ start: 0, end: tokens.length }];
  const open: number[] = [];
  tokens.forEach((token, index) => {
    if (token.value === '(' && token.type === 'operator') open.push(index);
    if (token.value !== ')' || token.type !== 'operator') return;
    const start = open.pop();
    if (start !== undefined && (tokens[start]?.end ?? 0) <= offset && offset <= token.start) frames.push({ start: start + 1, end: index });
  });
  for (const start of open) if ((tokens[start]?.end ?? 0) <= offset) frames.push({ start: start + 1, end: tokens.length });
  frames.sort((a, b) => a.end - a.start - (b.end - b.start));
  return frames.flatMap((frame) => sourcesBetween(sql, tokens.slice(frame.start, frame.end), catalog));
}

function tokensBefore(sql: string, offset: number): readonly Token[] {
  const before = tokenize(sql.slice(0, offset));
  if (before.ok) return before.value;
  const cut = tokenize(sql.slice(0, before.error.at));
  return cut.ok ? cut.value : [];
}

function sourcesBetween(sql: string, tokens: readonly Token[], catalog: Catalog): ReachableSource[] {
  const sources: ReachableSource[] = [];
  let depth = 0;
  let inFrom = false;
  tokens.forEach((token, index) => {
    if (token.type === 'operator' && token.value === '(') depth += 1;
    if (token.type === 'operator' && token.value === ')') depth -= 1;
    if (depth !== 0) return;
    if (token.type === 'word' && ['WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'SELECT'].includes(token.value)) inFrom = false;
    if (token.type === 'word' && token.value === 'FROM') inFrom = true;
    const opens = (token.type === 'word' && (token.value === 'FROM' || token.value === 'JOIN')) || (inFrom && token.value === ',');
    const name = opens ? tokens[index + 1] : undefined;
    if (name === undefined || (name.type !== 'word' && name.type !== 'quoted')) return;
    const key = (name.type === 'word' ? sql.slice(name.start, name.end) : name.value).toLowerCase();
    const table = catalog.tables.get(key);
    if (table === undefined) return;
    const next = tokens[index + 2];
    const alias = next?.type === 'word' && next.value === 'AS' ? tokens[index + 3] : next;
    const isAlias = alias?.type === 'quoted' || (alias?.type === 'word' && !AFTER_TABLE.has(alias.value));
    const label = alias !== undefined && isAlias ? sql.slice(alias.start, alias.end) : table.name;
    sources.push({ label, table: table.name, columns: [...table.columns.values()].map((column) => column.name) });
  });
  return sources;
}

const AFTER_TABLE = new Set(
  'WHERE GROUP ORDER HAVING LIMIT ON USING JOIN LEFT RIGHT FULL INNER CROSS OUTER NATURAL UNION INTERSECT EXCEPT SELECT AS WINDOW'.split(
    ' ',
  ),
);
