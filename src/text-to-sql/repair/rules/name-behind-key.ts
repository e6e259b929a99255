import type { ColumnReference } from '../../sql/ast.ts';
import { applyEdits, insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { Catalog, Key } from '../catalog.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { bareName } from '../words.ts';
import { qualifyColumns, selectRule } from './clauses.ts';

/** The question asks for the key itself. */
const ASKS_KEY = /\b(ids?|codes?|keys?|identifiers?|abbreviations?|numbers?)\b/i;

interface Behind {
  readonly column: ColumnReference;
  readonly source: Source;
  readonly key: Key;
  /** Lower-case, of the table that the key refers to. */
  readonly name: string;
}

/** "Which airlines …" where `flights.airline` is a number that refers to a row of `airlines`, whose own `airline` is the name. */
export const nameBehindKey = selectRule({ name: 'name-behind-key', group: 'question', keepsRows: true, propose });

function propose({ tree, catalog, question }: Situation, scope: Scope): readonly Proposal[] {
  const { from, columns } = scope.select;
  if (from === null || ASKS_KEY.test(question.text)) return [];
  const found = columns.flatMap(({ expression }) => (expression?.kind === 'column' ? (behind(scope, expression, catalog) ?? []) : []));
  const edits: Edit[] = [];
  const joins = new Map<string, string>();
  for (const { column, source, key, name } of found) {
    const table = quoteName(catalog.tableName(key.toTable));
    const there = scope.sources.find((other) => other.table === key.toTable);
    const label = there?.label ?? table;
    const ends = [
      `${source.label}.${quoteName(catalog.columnName(key.table, key.column))}`,
      `${label}.${quoteName(catalog.columnName(key.toTable, key.toColumn))}`,
    ];
    if (there === undefined) joins.set(key.toTable, ` JOIN ${table} ON ${ends.join(' = ')}`);
    edits.push(replaceSpan(column, `${label}.${quoteName(catalog.columnName(key.toTable, name))}`));
  }
  if (joins.size > 0) {
    const shown = new Set(found.map(({ column }) => column));
    const others = scope.columns().filter((column) => !shown.has(column));
    edits.push(...qualifyColumns(scope, others), insertAt(from.end, [...joins.values()].join('')));
  }
  const reasons = found.map(
    ({ column, key }) =>
      `“${column.name.name}” of “${catalog.tableName(key.table)}” only refers to a row of “${catalog.tableName(key.toTable)}”, where the name stands.`,
  );
  return proposal(tree, applyEdits(tree.source, edits), reasons.join(' '));
}

/** What a column that is a key refers to, where that row has a text of the same name. */
function behind(scope: Scope, column: ColumnReference, catalog: Catalog): Behind | null {
  const { status, source } = scope.resolve(column);
  const own = column.name.name.toLowerCase();
  const table = source?.table ?? null;
  // A key that is a text may be what people call it by.
  if (status !== 'ok' || source === null || table === null || catalog.holdsText(table, own)) return null;
  const [key, second] = catalog.keys.filter((other) => other.table === table && other.column === own && other.toTable !== table);
  if (key === undefined || second !== undefined) return null;
  const { toTable } = key;
  const name = [...(catalog.tables.get(toTable)?.columnNames ?? [])].find(
    (other) => bareName(other) === bareName(own) && catalog.holdsText(toTable, other) && !catalog.isKey(toTable, other),
  );
  return name === undefined ? null : { column, source, key, name };
}
