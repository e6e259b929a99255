import {
  walk,
  walkOwn,
  type ColumnReference,
  type FromItem,
  type Node,
  type Query,
  type Select,
  type SubquerySource,
  type TableSource,
} from './ast.ts';
import { printExpression, printName } from './print.ts';

/** The columns of a base table or view by its lower-case name, all lower-case; null where there is no such table. */
export type TableLookup = (table: string) => ReadonlySet<string> | null;

/** One thing that a FROM clause brings into reach. */
export interface Source {
  /** What columns are qualified with, lower-case: the alias, else the table's name; '' for a subquery without alias. */
  readonly alias: string;
  /** The same as it stands in the text, quotes included. */
  readonly label: string;
  /** The base table's lower-case name; null for subqueries, WITH tables, functions and tables that do not exist. */
  readonly table: string | null;
  /** Lower-case column names; null where they cannot be known. Empty for a table that does not exist. */
  readonly columns: ReadonlySet<string> | null;
  readonly item: FromItem;
  readonly node: TableSource | SubquerySource;
}

/**
 * What a column reference means: `ok` in its own SELECT, `outer` in one around it, `output` an alias of the result list, `string` a quoted
 * name that SQLite takes as text, `missing` nothing in reach, `ambiguous` more than one source.
 */
export type Status = 'ok' | 'outer' | 'output' | 'ambiguous' | 'string' | 'missing';

export interface Resolution {
  readonly status: Status;
  readonly source: Source | null;
}

const ROW_ID = new Set(['rowid', 'oid', '_rowid_']);

/** One SELECT with what its FROM clause brings into reach. */
export class Scope {
  readonly select: Select;
  /** The query whose core the SELECT is. */
  readonly query: Query;
  readonly parent: Scope | null;
  readonly sources: readonly Source[];
  /** Lower-case aliases of the result list. */
  readonly outputs: ReadonlySet<string>;
  #columns: readonly ColumnReference[] | null = null;

  constructor(select: Select, query: Query, parent: Scope | null, sources: readonly Source[]) {
    this.select = select;
    this.query = query;
    this.parent = parent;
    this.sources = sources;
    this.outputs = new Set(select.columns.flatMap((column) => (column.alias === null ? [] : [column.alias.name.toLowerCase()])));
  }

  /** True where every source is a table or view that exists. */
  get onlyBaseTables(): boolean {
    return this.sources.every((source) => source.table !== null && this.#plain(source));
  }

  #plain(source: Source): boolean {
    return source.node.kind === 'tableSource';
  }

  /** The nodes of this SELECT and, where it is the only core, of the query's ORDER BY; nested queries are yielded but not entered. */
  *own(): Generator<Node> {
    yield* walkOwn(this.select);
    if (this.query.cores.length === 1) {
      if (this.query.orderBy !== null) yield* walkOwn(this.query.orderBy);
      if (this.query.limit !== null) yield* walkOwn(this.query.limit);
    }
  }

  columns(): readonly ColumnReference[] {
    if (this.#columns === null) {
      const found: ColumnReference[] = [];
      for (const node of this.own()) if (node.kind === 'column') found.push(node);
      this.#columns = found;
    }
    return this.#columns;
  }

  source(alias: string): Source | null {
    return this.sources.find((source) => source.alias === alias) ?? null;
  }

  /** Only a whole ORDER BY term prefers the result list's alias; inside an expression the tables' columns come first. */
  #isOrderTerm(node: Node): boolean {
    return this.query.orderBy?.terms.some((term) => term.expression === node) === true;
  }

  inJoin(node: Node): boolean {
    return this.sources.some(({ item }) => item.join !== null && node.start >= item.start && node.end <= item.end);
  }

  resolve(column: ColumnReference): Resolution {
    const name = column.name.name.toLowerCase();
    if (column.table !== null) return this.#resolveQualified(column.table.name.toLowerCase(), name);
    const hits = this.#holding(name);
    if (this.outputs.has(name) && (hits.length === 0 || this.#isOrderTerm(column)) && !this.inJoin(column))
      return { status: 'output', source: null };
    const first = hits[0];
    if (first !== undefined) return { status: hits.length === 1 || this.#merged(hits, name) ? 'ok' : 'ambiguous', source: first };
    for (let scope = this.parent; scope !== null; scope = scope.parent) {
      const around = scope.#holding(name);
      const outer = around[0];
      if (outer === undefined) continue;
      // SQLite refuses a name that two tables around it have: for this SELECT it means nothing.
      return around.length === 1 || scope.#merged(around, name) ? { status: 'outer', source: outer } : { status: 'missing', source: null };
    }
    if (column.name.quote === '"') return { status: 'string', source: null };
    return { status: 'missing', source: null };
  }

  /** This scope and those around it, nearest first. */
  #outwards(): Scope[] {
    return this.parent === null ? [this] : [this, ...this.parent.#outwards()];
  }

  #resolveQualified(qualifier: string, name: string): Resolution {
    for (const scope of this.#outwards()) {
      const source = scope.source(qualifier);
      if (source === null) continue;
      if (source.columns === null || source.columns.has(name) || ROW_ID.has(name))
        return { status: scope === this ? 'ok' : 'outer', source };
      return { status: 'missing', source: scope === this ? source : null };
    }
    return { status: 'missing', source: null };
  }

  #holding(name: string): Source[] {
    const hits = this.sources.filter((source) => source.columns?.has(name) === true);
    if (hits.length > 0) return hits;
    const unknown = this.sources.filter((source) => source.columns === null);
    if (unknown.length > 0) return unknown.slice(0, 1);
    if (!ROW_ID.has(name)) return [];
    return this.sources.filter((source) => source.table !== null).slice(0, 1);
  }

  /** USING and NATURAL make one column of two. */
  #merged(hits: readonly Source[], name: string): boolean {
    return hits.slice(1).every(({ item }) => {
      const join = item.join;
      return join !== null && (join.operator.startsWith('NATURAL') || join.using.some((column) => column.name.toLowerCase() === name));
    });
  }
}

type CteColumns = ReadonlyMap<string, ReadonlySet<string> | null>;

/** The scopes of all SELECTs of a statement, outer ones before the ones inside them. */
export function buildScopes(query: Query, lookup: TableLookup): Scope[] {
  const scopes: Scope[] = [];
  visitQuery(query, null, new Map(), lookup, scopes);
  return scopes;
}

function visitQuery(
  query: Query,
  parent: Scope | null,
  outerCtes: CteColumns,
  lookup: TableLookup,
  into: Scope[],
): ReadonlySet<string> | null {
  const ctes = new Map(outerCtes);
  for (const cte of query.ctes) {
    const name = cte.name.name.toLowerCase();
    const declared = cte.columns.length > 0 ? new Set(cte.columns.map((column) => column.name.toLowerCase())) : null;
    // A recursive table is in reach of its own query: before that is read, its columns are unknown unless declared.
    ctes.set(name, declared);
    const found = visitQuery(cte.query, null, ctes, lookup, into);
    ctes.set(name, declared ?? found);
  }
  let outputs: ReadonlySet<string> | null = null;
  query.cores.forEach((core, index) => {
    if (core.kind === 'values') {
      visitNested(core, parent, ctes, lookup, into);
      if (index === 0) outputs = new Set((core.rows[0] ?? []).map((_, column) => `column${String(column + 1)}`));
      return;
    }
    const position = into.length;
    const inner: Scope[] = [];
    const sources = core.from === null ? [] : sourcesOf(core.from.items, parent, ctes, lookup, inner);
    const scope = new Scope(core, query, parent, sources);
    into.splice(position, 0, scope, ...inner);
    for (const node of scope.own()) if (node.kind === 'query' && !isFromQuery(scope, node)) visitQuery(node, scope, ctes, lookup, into);
    if (index === 0) outputs = outputNames(scope);
  });
  if (query.cores.length > 1 && query.orderBy !== null) visitNested(query.orderBy, parent, ctes, lookup, into);
  return outputs;
}

function visitNested(node: Node, parent: Scope | null, ctes: CteColumns, lookup: TableLookup, into: Scope[]): void {
  for (const nested of walkOwn(node)) if (nested.kind === 'query') visitQuery(nested, parent, ctes, lookup, into);
}

function isFromQuery(scope: Scope, query: Query): boolean {
  return scope.sources.some((source) => source.node.kind === 'subquerySource' && source.node.query === query);
}

function sourcesOf(items: readonly FromItem[], parent: Scope | null, ctes: CteColumns, lookup: TableLookup, into: Scope[]): Source[] {
  return items.flatMap((item): Source[] => {
    const node = item.source;
    if (node.kind === 'groupSource') return sourcesOf(node.items, parent, ctes, lookup, into);
    const alias = node.alias;
    if (node.kind === 'subquerySource') {
      const columns = visitQuery(node.query, parent, ctes, lookup, into);
      return [{ alias: alias?.name.toLowerCase() ?? '', label: alias === null ? '' : printName(alias), table: null, columns, item, node }];
    }
    const name = node.name.name.toLowerCase();
    const shown = alias ?? node.name;
    const base = { alias: shown.name.toLowerCase(), label: printName(shown), item, node };
    if (node.arguments !== null) return [{ ...base, table: null, columns: null }];
    if (node.schema === null && ctes.has(name)) return [{ ...base, table: null, columns: ctes.get(name) ?? null }];
    const columns = lookup(name);
    return [{ ...base, table: columns === null ? null : name, columns: columns ?? new Set() }];
  });
}

function outputNames(scope: Scope): ReadonlySet<string> | null {
  const names = new Set<string>();
  for (const column of scope.select.columns) {
    if (column.alias !== null) names.add(column.alias.name.toLowerCase());
    else if (column.expression !== null) {
      names.add((column.expression.kind === 'column' ? column.expression.name.name : printExpression(column.expression)).toLowerCase());
    } else {
      const starOf = column.starOf?.name.toLowerCase();
      for (const source of scope.sources) {
        if (starOf !== undefined && source.alias !== starOf) continue;
        if (source.columns === null) return null;
        for (const name of source.columns) names.add(name);
      }
    }
  }
  return names;
}

/** True where the query or anything in it uses WITH. */
export function usesCtes(query: Query): boolean {
  for (const node of walk(query)) if (node.kind === 'cte') return true;
  return false;
}
