import type { ColumnReference } from '../../sql/ast.ts';
import { applyEdits, insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog, Key } from '../catalog.ts';
import { proposal, type Proposal } from '../rule.ts';
import { qualifyColumns } from './clauses.ts';

/** The question asks for the key itself. */
export const ASKS_KEY = /\b(ids?|codes?|keys?|identifiers?|abbreviations?|numbers?)\b/i;

/** What to show in a column's place. */
export interface Other {
  readonly column: ColumnReference;
  readonly source: Source;
  /** The key, beginning at the column, that leads to it; null where it stands in the column's own table. */
  readonly key: Key | null;
  /** Lower-case, of the table that the key refers to. */
  readonly name: string;
}

/** The statement that shows the others, with the tables joined that they need. */
export function showOther(tree: SqlTree, scope: Scope, others: readonly Other[], catalog: Catalog, reason: string): readonly Proposal[] {
  const { from } = scope.select;
  if (from === null) return [];
  const edits: Edit[] = [];
  const joins = new Map<string, string>();
  for (const { column, source, key, name } of others) {
    if (key === null) {
      edits.push(replaceSpan(column.name, quoteName(catalog.columnName(source.table ?? '', name))));
      continue;
    }
    const table = quoteName(catalog.tableName(key.toTable));
    const there = scope.sources.find((other) => other.table === key.toTable);
    const label = there?.label ?? table;
    const from = `${source.label}.${quoteName(catalog.columnName(key.table, key.column))}`;
    const to = `${label}.${quoteName(catalog.columnName(key.toTable, key.toColumn))}`;
    if (there === undefined) joins.set(key.toTable, ` JOIN ${table} ON ${from} = ${to}`);
    edits.push(replaceSpan(column, `${label}.${quoteName(catalog.columnName(key.toTable, name))}`));
  }
  if (joins.size > 0) {
    const shown = new Set(others.map(({ column }) => column));
    const rest = scope.columns().filter((column) => !shown.has(column));
    edits.push(...qualifyColumns(scope, rest), insertAt(from.end, [...joins.values()].join('')));
  }
  return proposal(tree, applyEdits(tree.source, edits), reason);
}
