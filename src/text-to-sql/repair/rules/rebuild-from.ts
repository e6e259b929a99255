import { walk, walkOwn, type ColumnReference, type Expression } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog, Key } from '../catalog.ts';
import type { Question } from '../question.ts';
import { nameWords } from '../words.ts';

/** A column as it will stand: its source's alias (lower-case) and its lower-case name. */
export interface Target {
  readonly alias: string;
  readonly column: string;
}

export interface AddedTable {
  readonly alias: string;
  readonly table: string;
}

/** `unused`: tables whose join does not hold and that nothing uses are left out; `none`: all stay. */
export type Drop = 'unused' | 'none';

interface Entry {
  readonly alias: string;
  readonly label: string;
  readonly table: string;
  /** `table AS alias` as it stands or will stand. */
  readonly text: string;
  readonly operator: string;
  readonly on: Expression | null;
  readonly usingText: string;
  readonly usingNames: readonly string[];
}

/** A join condition that holds: its text and the sources that it speaks of. */
interface Condition {
  readonly text: string;
  readonly aliases: ReadonlySet<string>;
}

/**
 * FROM put together anew so that every source is joined: conditions that resolve are kept as they stand, everything else is joined along the
 * schema's keys, through tables in between where there is no direct key. null where that cannot be done.
 */
export function rebuildFrom(
  tree: SqlTree,
  scope: Scope,
  added: readonly AddedTable[],
  targets: ReadonlyMap<ColumnReference, Target>,
  edits: readonly Edit[],
  catalog: Catalog,
  question: Question,
  drop: Drop,
): Edit | null {
  const from = scope.select.from;
  if (from === null || scope.sources.length === 0 || !scope.onlyBaseTables) return null;
  if (scope.sources.some((source) => !from.items.includes(source.item))) return null;
  const entries = entriesOf(tree, scope, added, catalog);
  const tableOf = new Map(entries.map((entry) => [entry.alias, entry.table]));
  const labelOf = new Map(entries.map((entry) => [entry.alias, entry.label]));
  const used = usedAliases(scope, added, targets);
  const conditions = holdingConditions(tree, scope, entries, targets, edits, tableOf, catalog);
  const star = scope.select.columns.some((column) => column.expression === null);
  const keep = entries.filter((entry, index) => {
    if (star || used.has(entry.alias) || drop === 'none') return true;
    if (question.mentions(entry.table)) return true;
    // The only table that was written says more than one joined to it: a word of its name is enough for it to stay.
    const others = new Set(entries.flatMap((other) => (other === entry ? [] : nameWords(other.table))));
    if (scope.sources.length === 1 && question.speaksOf(entry.table, others)) return true;
    const unlinked =
      index === 0
        ? entries.length > 1 && ![...conditions.values()].some((condition) => condition.aliases.has(entry.alias))
        : index < scope.sources.length && !conditions.has(entry.alias);
    return !unlinked;
  });
  const first = keep[0];
  if (first === undefined) return null;
  const path: FindPath = (tables, target) =>
    catalog.path(tables, target, (key) => mentionsKey(key, question) + (usesKey(key, scope) ? 0.75 : 0));
  const text = joinAll(first, keep.slice(1), conditions, tableOf, labelOf, catalog, path);
  return text === null ? null : replaceSpan(from, `FROM ${text}`);
}

type FindPath = (from: readonly string[], target: string) => Key[] | null;

/** "…who have treasurer votes": of several keys between two tables the one that the question names. */
function mentionsKey(key: Key, question: Question): number {
  return Math.max(
    question.countMentioned(key.column, `${key.table} ${key.toTable}`),
    question.countMentioned(key.toColumn, `${key.table} ${key.toTable}`),
  );
}

/** A query that groups by or shows one of two keys is about that one. */
function usesKey(key: Key, scope: Scope): boolean {
  return scope.columns().some((column) => {
    if (scope.inJoin(column)) return false;
    const { table } = scope.resolve(column).source ?? { table: null };
    const name = column.name.name.toLowerCase();
    return (table === key.table && name === key.column) || (table === key.toTable && name === key.toColumn);
  });
}

function entriesOf(tree: SqlTree, scope: Scope, added: readonly AddedTable[], catalog: Catalog): Entry[] {
  const present = scope.sources.map((source): Entry => {
    const join = source.item.join;
    return {
      alias: source.alias,
      label: source.label,
      table: source.table ?? '',
      text: tree.text(source.node),
      operator: join?.operator ?? 'JOIN',
      on: join?.on ?? null,
      usingText: join === null || join.using.length === 0 ? '' : `USING (${join.using.map((column) => tree.text(column)).join(', ')})`,
      usingNames: join?.using.map((column) => column.name.toLowerCase()) ?? [],
    };
  });
  const fresh = added.map(({ alias, table }): Entry => {
    const name = quoteName(catalog.tableName(table));
    const label = alias === table ? name : quoteName(alias);
    return {
      alias,
      label,
      table,
      text: alias === table ? name : `${name} AS ${label}`,
      operator: 'JOIN',
      on: null,
      usingText: '',
      usingNames: [],
    };
  });
  return [...present, ...fresh];
}

/** Sources that something outside the join conditions speaks of, nested queries included. */
function usedAliases(scope: Scope, added: readonly AddedTable[], targets: ReadonlyMap<ColumnReference, Target>): ReadonlySet<string> {
  const used = new Set(added.map((table) => table.alias));
  const roots = scope.query.cores.length === 1 && scope.query.orderBy !== null ? [scope.select, scope.query.orderBy] : [scope.select];
  for (const root of roots) {
    for (const node of walk(root)) {
      if (node.kind !== 'column' || scope.inJoin(node)) continue;
      const alias = targets.get(node)?.alias ?? node.table?.name.toLowerCase() ?? scope.resolve(node).source?.alias;
      if (alias !== undefined) used.add(alias);
    }
  }
  return used;
}

function holdingConditions(
  tree: SqlTree,
  scope: Scope,
  entries: readonly Entry[],
  targets: ReadonlyMap<ColumnReference, Target>,
  edits: readonly Edit[],
  tableOf: ReadonlyMap<string, string>,
  catalog: Catalog,
): Map<string, Condition> {
  const holding = new Map<string, Condition>();
  const exists = (target: Target) => {
    const table = tableOf.get(target.alias);
    return table !== undefined && catalog.tables.get(table)?.columnNames.has(target.column) === true;
  };
  entries.forEach((entry, index) => {
    if (entry.usingNames.length > 0) {
      const partner = entries
        .slice(0, index)
        .find((other) =>
          entry.usingNames.every((column) => exists({ alias: other.alias, column }) && exists({ alias: entry.alias, column })),
        );
      if (partner !== undefined) holding.set(entry.alias, { text: entry.usingText, aliases: new Set([entry.alias, partner.alias]) });
      return;
    }
    const on = entry.on;
    if (on === null) {
      if (index > 0 && entry.operator === ',' && linkedInWhere(scope, entry.alias, targets)) {
        holding.set(entry.alias, { text: '', aliases: new Set([entry.alias]) });
      }
      return;
    }
    const columns = [...walkOwn(on)].filter((node) => node.kind === 'column');
    const ends = columns.map((column) => targetOf(column, scope, targets));
    if (columns.length === 0 || ends.some((end) => end === null || !exists(end))) return;
    const inside = edits.filter((edit) => edit.start >= on.start && edit.end <= on.end);
    const shifted = inside.map((edit) => ({ start: edit.start - on.start, end: edit.end - on.start, text: edit.text }));
    const aliases = new Set(ends.flatMap((end) => (end === null ? [] : [end.alias])));
    holding.set(entry.alias, { text: `ON ${applyEdits(tree.text(on), shifted)}`, aliases });
  });
  return holding;
}

function targetOf(column: ColumnReference, scope: Scope, targets: ReadonlyMap<ColumnReference, Target>): Target | null {
  const target = targets.get(column);
  if (target !== undefined) return target;
  const alias = column.table?.name.toLowerCase() ?? scope.resolve(column).source?.alias;
  return alias === undefined ? null : { alias, column: column.name.name.toLowerCase() };
}

/** `FROM a, b WHERE a.x = b.y`: the comma's condition stands in WHERE. */
function linkedInWhere(scope: Scope, alias: string, targets: ReadonlyMap<ColumnReference, Target>): boolean {
  const where = scope.select.where;
  if (where === null) return false;
  for (const node of walkOwn(where)) {
    if (node.kind !== 'binary' || node.operator !== '=' || node.left.kind !== 'column' || node.right.kind !== 'column') continue;
    const ends = [targetOf(node.left, scope, targets)?.alias, targetOf(node.right, scope, targets)?.alias];
    if (ends.includes(alias) && ends[0] !== ends[1]) return true;
  }
  return false;
}

function joinAll(
  first: Entry,
  rest: readonly Entry[],
  conditions: ReadonlyMap<string, Condition>,
  tableOf: Map<string, string>,
  labelOf: Map<string, string>,
  catalog: Catalog,
  path: FindPath,
): string | null {
  const parts = [first.text];
  const placed = [first.alias];
  let pending = [...rest];
  const place = (alias: string, operator: string, text: string, condition: string) => {
    parts.push(operator === ',' ? `, ${text}` : ` ${operator} ${text}${condition === '' ? '' : ` ${condition}`}`);
    placed.push(alias);
    pending = pending.filter((entry) => entry.alias !== alias);
  };
  while (pending.length > 0) {
    const ready = pending.flatMap((entry) => {
      const condition = readyCondition(entry.alias, placed, conditions);
      return condition === null ? [] : [{ entry, condition }];
    })[0];
    if (ready !== undefined) {
      const operator = ready.entry.operator === ',' && ready.condition !== '' ? 'JOIN' : ready.entry.operator;
      place(ready.entry.alias, operator, ready.entry.text, ready.condition);
      continue;
    }
    const next = nearestPending(pending, placed, tableOf, path);
    if (next === null) return null;
    let at = placed.find((alias) => tableOf.get(alias) === next.path[0]?.table);
    for (const [index, step] of next.path.entries()) {
      if (at === undefined) return null;
      const isLast = index === next.path.length - 1;
      const existing = isLast ? next.entry : pending.find((entry) => entry.table === step.toTable && entry.alias !== next.entry.alias);
      let alias = existing?.alias;
      let text = existing?.text;
      if (alias === undefined || text === undefined) {
        alias = step.toTable;
        while (tableOf.has(alias)) alias += '_2';
        tableOf.set(alias, step.toTable);
        const name = quoteName(catalog.tableName(step.toTable));
        labelOf.set(alias, alias === step.toTable ? name : quoteName(alias));
        text = alias === step.toTable ? name : `${name} AS ${quoteName(alias)}`;
      }
      const left = `${labelOf.get(at) ?? at}.${quoteName(catalog.columnName(step.table, step.column))}`;
      const right = `${labelOf.get(alias) ?? alias}.${quoteName(catalog.columnName(step.toTable, step.toColumn))}`;
      const operator = existing !== undefined && /LEFT|RIGHT|FULL/.test(existing.operator) ? existing.operator : 'JOIN';
      place(alias, operator, text, `ON ${left} = ${right}`);
      at = alias;
    }
  }
  return parts.join('');
}

/** The condition that links a source to what stands already: its own, or one written on another join. */
function readyCondition(alias: string, placed: readonly string[], conditions: ReadonlyMap<string, Condition>): string | null {
  const own = conditions.get(alias);
  if (own?.aliases.has(alias) === true && [...own.aliases].every((other) => other === alias || placed.includes(other))) return own.text;
  for (const [other, condition] of conditions) {
    if (
      other !== alias &&
      placed.includes(other) &&
      condition.aliases.size === 2 &&
      condition.aliases.has(other) &&
      condition.aliases.has(alias)
    ) {
      return condition.text;
    }
  }
  return null;
}

function nearestPending(pending: readonly Entry[], placed: readonly string[], tableOf: ReadonlyMap<string, string>, findPath: FindPath) {
  const from = placed.flatMap((alias) => tableOf.get(alias) ?? []);
  let best: { entry: Entry; path: NonNullable<ReturnType<Catalog['path']>> } | null = null;
  for (const entry of pending) {
    const path = findPath(from, entry.table);
    if (path !== null && path.length > 0 && (best === null || path.length < best.path.length)) best = { entry, path };
  }
  return best;
}
