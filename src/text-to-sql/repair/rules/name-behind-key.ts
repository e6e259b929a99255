import type { ColumnReference } from '../../sql/ast.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { Catalog } from '../catalog.ts';
import type { Proposal, Situation } from '../rule.ts';
import { bareName } from '../words.ts';
import { selectRule } from './clauses.ts';
import { ASKS_KEY, showOther, type Other } from './show-other.ts';

/** "Which airlines …" where `flights.airline` is a number that refers to a row of `airlines`, whose own `airline` is the name. */
export const nameBehindKey = selectRule({ name: 'name-behind-key', group: 'question', keepsRows: true, propose });

function propose({ tree, catalog, question }: Situation, scope: Scope): readonly Proposal[] {
  if (ASKS_KEY.test(question.text)) return [];
  const found = scope.select.columns.flatMap(({ expression }) =>
    expression?.kind === 'column' ? (behind(scope, expression, catalog) ?? []) : [],
  );
  const reasons = found.map(
    ({ column, source, key }) =>
      `“${column.name.name}” of “${catalog.tableName(source.table ?? '')}” only refers to a row of “${catalog.tableName(key?.toTable ?? '')}”, where the name stands.`,
  );
  return showOther(tree, scope, found, catalog, reasons.join(' '));
}

/** What a column that is a key refers to, where that row has a text of the same name. */
function behind(scope: Scope, column: ColumnReference, catalog: Catalog): Other | null {
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
