import type { ColumnReference } from '../../sql/ast.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { Catalog, Key } from '../catalog.ts';
import type { Proposal, Situation } from '../rule.ts';
import { nameWords } from '../words.ts';
import { selectRule } from './clauses.ts';
import { ASKS_KEY, showOther, type Other } from './show-other.ts';

/** "List the country's name" answered with the country's key. */
export const askedName = selectRule({ name: 'asked-name', group: 'question', keepsRows: true, propose });

function propose({ tree, catalog, question }: Situation, scope: Scope): readonly Proposal[] {
  const [shown, ...others] = scope.select.columns;
  const column = shown?.expression ?? null;
  if (column?.kind !== 'column' || ASKS_KEY.test(question.text) || !question.wordSet.has('name')) return [];
  if (others.some(({ expression }) => expression?.kind !== 'call')) return [];
  const found = nameOf(scope, column, catalog);
  return found === null ? [] : showOther(tree, scope, [found], catalog, `The question asks for the name, not for “${column.name.name}”.`);
}

/** The one name of the row that a key stands for: its own table's, or that of the table which it refers to. */
function nameOf(scope: Scope, column: ColumnReference, catalog: Catalog): Other | null {
  const { status, source } = scope.resolve(column);
  const own = column.name.name.toLowerCase();
  const table = source?.table ?? null;
  if (status !== 'ok' || source === null || table === null || isName(own)) return null;
  const [key, second] = catalog.declared.filter((other) => other.table === table && other.column === own && other.toTable !== table);
  const primary = catalog.tables.get(table)?.primary ?? [];
  if (second !== undefined || (key === undefined && !(primary.length === 1 && primary[0] === own))) return null;
  const way: Key | null = key ?? null;
  const owner = way?.toTable ?? table;
  const [name, another] = [...(catalog.tables.get(owner)?.columnNames ?? [])].filter(
    (candidate) => candidate !== own && isName(catalog.columnName(owner, candidate)) && catalog.holdsText(owner, candidate),
  );
  return name === undefined || another !== undefined ? null : { column, source, key: way, name };
}

/** `name`, `first_name`, `CountryName`, `fullname`. */
function isName(column: string): boolean {
  return nameWords(column).at(-1)?.endsWith('name') === true;
}
