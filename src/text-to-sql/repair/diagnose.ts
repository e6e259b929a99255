import type { Schema } from '../../database/database.ts';
import type { Span } from '../sql/ast.ts';
import { parseQuery } from '../sql/parse.ts';
import { replaceSpan, type Edit } from '../sql/patch.ts';
import { quoteName } from '../sql/print.ts';
import type { Scope } from '../sql/scopes.ts';
import { readTree } from '../sql/tree.ts';
import type { Database } from '../../database/database.ts';
import { Catalog } from './catalog.ts';
import { repair, type RepairOptions } from './repair.ts';
import { findMissing } from './rules/names.ts';
import { nearColumns } from './rules/near-columns.ts';
import { similarity } from './words.ts';

export interface Suggestion {
  /** What the fix puts there, as a person reads it. */
  readonly label: string;
  readonly edit: Edit;
}

/** One name (or place) in a person's SQL that cannot stand, with what may have been meant, best first. */
export interface Diagnosis extends Span {
  readonly message: string;
  readonly suggestions: readonly Suggestion[];
}

const MAX_SUGGESTIONS = 4;
/** More forgiving than a repair: here a person chooses. */
const MIN_SIMILARITY = 0.6;

/** What does not resolve in a statement, without running it. Empty where everything does; a syntax error is one diagnosis without suggestions. */
export function diagnose(sql: string, schema: Schema): Diagnosis[] {
  const catalog = new Catalog(schema);
  const parsed = parseQuery(sql);
  if (!parsed.ok) {
    const { at, message } = parsed.error;
    return [{ start: Math.min(at, Math.max(sql.length - 1, 0)), end: Math.min(at + 1, sql.length), message, suggestions: [] }];
  }
  const tree = readTree(sql, catalog.lookup);
  if (tree === null) return [];
  const found: Diagnosis[] = [];
  const ctes = tree.all('cte').map((cte) => cte.name.name);
  for (const table of tree.all('tableSource')) {
    const name = table.name.name;
    const isKnown = catalog.tables.has(name.toLowerCase()) || ctes.some((cte) => cte.toLowerCase() === name.toLowerCase());
    // Tables of SQLite's own and of another schema are not listed in the schema.
    if (isKnown || table.arguments !== null || table.schema !== null || /^sqlite_|^pragma_|^json_/i.test(name)) continue;
    const names = [...[...catalog.tables.values()].map((known) => known.name), ...ctes];
    const suggestions = nearest(name, names).map((label) => ({ label, edit: replaceSpan(table.name, quoteName(label)) }));
    found.push({ start: table.name.start, end: table.name.end, message: `There is no table “${name}”.`, suggestions });
  }
  for (const missing of findMissing(tree)) {
    for (const column of missing.columns) {
      const suggestions = suggestColumns(missing.scope, missing.qualifier, column.name.name, column, catalog);
      const table = missing.scope.source(missing.qualifier)?.table ?? null;
      const where = table === null ? 'Nothing in FROM has' : `“${catalog.tableName(table)}” has no`;
      const name = table === null && column.table !== null ? `${column.table.name}.${column.name.name}` : column.name.name;
      found.push({ start: column.start, end: column.end, message: `${where} column “${name}”.`, suggestions });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

function suggestColumns(scope: Scope, qualifier: string, name: string, span: Span, catalog: Catalog): Suggestion[] {
  const scored: { label: string; score: number }[] = [];
  const written = new Map<string, number>();
  for (const source of scope.sources) {
    const prefix = scope.sources.length > 1 || qualifier !== '' ? `${source.label}.` : '';
    const own = source.alias === qualifier ? 0.1 : 0;
    if (source.table !== null) {
      for (const { column, score } of nearColumns(catalog, source.table, name, MIN_SIMILARITY)) {
        scored.push({ label: prefix + quoteName(catalog.columnName(source.table, column)), score: score + own });
      }
    } else {
      for (const column of source.columns ?? []) {
        const score = similarity(name, column);
        if (score >= MIN_SIMILARITY) scored.push({ label: prefix + quoteName(column), score: score + own });
      }
    }
  }
  for (const { label, score } of scored) written.set(label, Math.max(score, written.get(label) ?? 0));
  return [...written]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_SUGGESTIONS)
    .map(([label]) => ({ label, edit: replaceSpan(span, label) }));
}

function nearest(name: string, names: readonly string[]): string[] {
  return names
    .map((label) => ({ label, score: similarity(name, label) }))
    .filter(({ score }) => score >= MIN_SIMILARITY)
    .sort((a, b) => b.score - a.score)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ label }) => label);
}

export interface Replacement {
  readonly sql: string;
  /** A sentence that says what is different. */
  readonly reason: string;
}

/**
 * A whole statement that runs in the place of one that fails: wrong aliases, names, missing joins and misplaced aggregates put right.
 * null where nothing helps or nothing is wrong. Looks at no question, so it changes nothing that already runs.
 */
export async function didYouMean(
  sql: string,
  database: Database,
  options: Omit<RepairOptions, 'uses' | 'habits'> = {},
): Promise<Replacement | null> {
  const result = await repair(sql, database, '', { ...options, uses: (rule) => rule.on === 'error' });
  if (result.changes.length === 0) return null;
  return { sql: result.sql, reason: result.changes.map((change) => change.reason).join(' ') };
}
