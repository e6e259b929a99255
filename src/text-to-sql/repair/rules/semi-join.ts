import type { Expression } from '../../sql/ast.ts';
import { replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog, Key } from '../catalog.ts';
import { conjuncts, rewriteClauses } from './clauses.ts';

/** A table that is joined only to say which rows of another one are meant: its rows belong to those, and nothing of it is shown or ordered by. */
export interface Belonging {
  readonly key: Key;
  readonly parent: Source;
  readonly child: Source;
  /** The parts of WHERE that are about the child, and about nothing else. */
  readonly conditions: readonly Expression[];
}

/** Every child whose join could be looked up with IN instead; the SELECT's sources must all be tables that exist. */
export function belongings(scope: Scope, catalog: Catalog): Belonging[] {
  const parts = scope.select.where === null ? [] : conjuncts(scope.select.where.condition);
  return scope.sources.flatMap((joined) => {
    const key = keyOf(scope, joined, catalog);
    if (key === null) return [];
    const [child, second] = scope.sources.filter(({ table }) => table === key.table);
    const [parent, third] = scope.sources.filter(({ table }) => table === key.toTable);
    if (child === undefined || parent === undefined || second !== undefined || third !== undefined) return [];
    const about = parts.map((part) => ({ part, sources: sourcesIn(scope, part) })).filter(({ sources }) => sources.has(child));
    if (about.some(({ part, sources }) => sources.size > 1 || part.kind === 'subquery')) return [];
    const conditions = about.map(({ part }) => part);
    const isAway = scope.columns().every((column) => {
      if (scope.resolve(column).source !== child) return true;
      if (conditions.some((part) => part.start <= column.start && column.end <= part.end)) return true;
      // In its own join, and in none that hangs on it.
      return joined.item.start <= column.start && column.end <= joined.item.end;
    });
    return isAway ? [{ key, parent, child, conditions }] : [];
  });
}

/** `parent.key IN (SELECT child.key FROM child WHERE …)`, or NOT IN. */
export function lookedUp({ key, parent, child }: Belonging, catalog: Catalog, conditions: readonly string[], not = false): string {
  const alias = child.node.kind === 'tableSource' && child.node.alias !== null ? ` AS ${child.label}` : '';
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const inner = `SELECT ${child.label}.${quoteName(catalog.columnName(key.table, key.column))} FROM ${quoteName(catalog.tableName(key.table))}${alias}${where}`;
  return `${parent.label}.${quoteName(catalog.columnName(key.toTable, key.toColumn))} ${not ? 'NOT ' : ''}IN (${inner})`;
}

/** The edits that take the tables out of FROM and put a condition in their place; none where what stays hangs on one of them. */
export function replaceJoins(tree: SqlTree, scope: Scope, gone: readonly Belonging[], tests: readonly string[]): Edit[] {
  const { select } = scope;
  const children = new Set(gone.map(({ child }) => child));
  const [first, ...others] = scope.sources.filter((source) => !children.has(source));
  // The first that stays leaves its own join behind: its condition must go with the tables that go.
  if (select.from === null || first === undefined || (first.item.join !== null && others.length > 0)) return [];
  const moved = new Set(gone.flatMap(({ conditions }) => conditions));
  const kept = select.where === null ? [] : conjuncts(select.where.condition).filter((part) => !moved.has(part));
  const from = [first.node, ...others.map(({ item }) => item)].map((part) => tree.text(part)).join(' ');
  return [
    replaceSpan({ start: select.from.items[0]?.start ?? select.from.start, end: select.from.end }, from),
    rewriteClauses(tree, select, { where: [...kept.map((part) => tree.text(part)), ...tests].join(' AND ') }),
  ];
}

/** The declared key by which a table is joined, where nothing else stands in ON. */
function keyOf(scope: Scope, { item }: Source, catalog: Catalog): Key | null {
  const on = item.join?.on ?? null;
  if (on?.kind !== 'binary' || on.operator !== '=' || on.left.kind !== 'column' || on.right.kind !== 'column') return null;
  if (!/^(INNER )?JOIN$/.test(item.join?.operator ?? '')) return null;
  const [a, b] = [on.left, on.right].map((column) => `${scope.resolve(column).source?.table ?? ''}.${column.name.name.toLowerCase()}`);
  return (
    catalog.declared.find(({ table, column, toTable, toColumn }) => {
      const [from, to] = [`${table}.${column}`, `${toTable}.${toColumn}`];
      return table !== toTable && ((a === from && b === to) || (a === to && b === from));
    }) ?? null
  );
}

function sourcesIn(scope: Scope, part: Expression): Set<Source> {
  return new Set(
    scope.columns().flatMap((column) => (column.start >= part.start && column.end <= part.end ? (scope.resolve(column).source ?? []) : [])),
  );
}
