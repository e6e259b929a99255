import type { Binary, ColumnReference, In } from '../../sql/ast.ts';
import { insertAt, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog, Key } from '../catalog.ts';
import { mendingRule, type Mending } from '../rule.ts';

interface End {
  readonly source: Source;
  readonly table: string;
  readonly column: string;
}

/** A join or an IN over columns that do not refer to each other, between tables that a declared key (or a table between them) links. */
export const wrongJoin = mendingRule({
  name: 'wrong-join',
  group: 'joins',
  keepsRows: true,
  *find({ tree, catalog }) {
    for (const scope of tree.scopes) {
      if (!scope.onlyBaseTables) continue;
      for (const source of scope.sources) yield* mendJoin(tree, scope, source, catalog);
      for (const node of scope.own()) if (node.kind === 'in') yield* mendIn(tree, scope, node, catalog);
    }
  },
});

function endOf(scope: Scope, column: ColumnReference): End | null {
  const { status, source } = scope.resolve(column);
  return status === 'ok' && typeof source?.table === 'string'
    ? { source, table: source.table, column: column.name.name.toLowerCase() }
    : null;
}

function isLinked(catalog: Catalog, a: End, b: End): boolean {
  if (a.column === b.column) return true;
  if (catalog.direct(a.table, b.table).some((key) => fits(key, a, b) || fits(key, b, a))) return true;
  const shared = new Set(catalog.referred(a.table, a.column));
  return catalog.referred(b.table, b.column).some((target) => shared.has(target));
}

function fits(key: Key, from: End, to: End): boolean {
  return key.table === from.table && key.column === from.column && key.toTable === to.table && key.toColumn === to.column;
}

function touches(key: Key, end: End): boolean {
  return (key.table === end.table && key.column === end.column) || (key.toTable === end.table && key.toColumn === end.column);
}

/** The one declared key between the two tables; of several, the one that shares a column with what stands there. */
function keyBetween(catalog: Catalog, a: End, b: End): Key | null {
  const direct = catalog.direct(a.table, b.table);
  const candidates = direct.length > 1 ? direct.filter((key) => touches(key, a) || touches(key, b)) : direct;
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}

function columnText(catalog: Catalog, source: Source, table: string, column: string): string {
  return `${source.label}.${quoteName(catalog.columnName(table, column))}`;
}

/** The condition that joins two sources along a key between their tables. */
function keyText(catalog: Catalog, key: Key, a: Source, b: Source): string {
  const [from, to] = key.table === a.table ? [a, b] : [b, a];
  return `${columnText(catalog, from, key.table, key.column)} = ${columnText(catalog, to, key.toTable, key.toColumn)}`;
}

function* mendJoin(tree: SqlTree, scope: Scope, source: Source, catalog: Catalog): Generator<Mending> {
  const on = source.item.join?.on;
  if (on?.kind !== 'binary' || on.operator !== '=' || on.left.kind !== 'column' || on.right.kind !== 'column') return;
  const a = endOf(scope, on.left);
  const b = endOf(scope, on.right);
  if (a === null || b === null) return;
  if (a.source === b.source && a.column === b.column) {
    yield* mendTautology(tree, scope, source, on, catalog);
    return;
  }
  if (a.source === b.source || a.table === b.table || isLinked(catalog, a, b)) return;
  if (catalog.direct(a.table, b.table).length > 0) {
    const key = keyBetween(catalog, a, b);
    if (key === null) return;
    const text = keyText(catalog, key, a.source, b.source);
    yield {
      edits: [replaceSpan(on, text)],
      reason: `“${tree.text(on)}” does not follow the schema's key between these tables; “${text}” does.`,
    };
    return;
  }
  yield* mendWithBridge(tree, scope, source, on, a, b, catalog);
}

/** `ON x.id = x.id` joins every row with every other: the one key to what stands before it is meant. */
function* mendTautology(tree: SqlTree, scope: Scope, joined: Source, on: Binary, catalog: Catalog): Generator<Mending> {
  const earlier = scope.sources.slice(0, scope.sources.indexOf(joined));
  const links = earlier.flatMap((source) => {
    if (typeof source.table !== 'string' || typeof joined.table !== 'string' || source.table === joined.table) return [];
    return catalog.direct(joined.table, source.table).map((key) => ({ source, key }));
  });
  const [only, ...more] = links;
  if (only === undefined || more.length > 0) return;
  const { source, key } = only;
  const text = keyText(catalog, key, joined, source);
  yield {
    edits: [replaceSpan(on, text)],
    reason: `“${tree.text(on)}” is true of all rows; “${text}” is the schema's key between these tables.`,
  };
}

function* mendWithBridge(tree: SqlTree, scope: Scope, joined: Source, on: Binary, a: End, b: End, catalog: Catalog): Generator<Mending> {
  const isKey = (end: End) => catalog.referred(end.table, end.column).length > 0;
  const isPrimary = (end: End) => {
    const primary = catalog.tables.get(end.table)?.primary ?? [];
    return primary.length === 1 && primary[0] === end.column;
  };
  if (!isKey(a) && !isKey(b) && !(isPrimary(a) && isPrimary(b))) return;
  // The bridge goes before the joined table, so the walk begins at the other one.
  const [near, far] = joined === a.source ? [b, a] : [a, b];
  const path = catalog.path([near.table], far.table);
  const [first, second] = path ?? [];
  if (path?.length !== 2 || first === undefined || second === undefined || scope.sources.some((source) => source.table === first.toTable))
    return;
  const bridge = quoteName(catalog.tableName(first.toTable));
  const firstOn = `${columnText(catalog, near.source, first.table, first.column)} = ${bridge}.${quoteName(catalog.columnName(first.toTable, first.toColumn))}`;
  const secondOn = `${bridge}.${quoteName(catalog.columnName(second.table, second.column))} = ${columnText(catalog, far.source, second.toTable, second.toColumn)}`;
  yield {
    edits: [insertAt(joined.item.start, `JOIN ${bridge} ON ${firstOn} `), replaceSpan(on, secondOn)],
    reason: `“${tree.text(on)}” compares columns that do not refer to each other; the two tables are linked through “${catalog.tableName(first.toTable)}”.`,
  };
}

function* mendIn(tree: SqlTree, scope: Scope, node: In, catalog: Catalog): Generator<Mending> {
  const core = node.query?.cores.length === 1 ? node.query.cores[0] : undefined;
  if (core?.kind !== 'select' || node.operand.kind !== 'column' || core.columns.length !== 1) return;
  const inner = tree.scopeOf(core);
  const selected = core.columns[0]?.expression;
  if (inner === null || selected?.kind !== 'column') return;
  const a = endOf(scope, node.operand);
  const b = endOf(inner, selected);
  if (a === null || b === null || a.table === b.table) return;
  if (isLinked(catalog, a, b) && !(a.column === 'id' && b.column === 'id')) return;
  if (a.column === b.column && (catalog.referred(a.table, a.column).length > 0 || catalog.referred(b.table, b.column).length > 0)) return;
  const key = keyBetween(catalog, a, b);
  if (key === null) return;
  const [outer, within] = key.table === a.table ? [key.column, key.toColumn] : [key.toColumn, key.column];
  yield {
    edits: [
      replaceSpan(node.operand.name, quoteName(catalog.columnName(a.table, outer))),
      replaceSpan(selected.name, quoteName(catalog.columnName(b.table, within))),
    ],
    reason: `“${catalog.columnName(a.table, a.column)}” does not refer to “${catalog.columnName(b.table, b.column)}”; the schema's key between the two tables does.`,
  };
}
