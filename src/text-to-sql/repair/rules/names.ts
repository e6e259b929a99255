import type { ColumnReference } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { quoteString } from '../../sql-name.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { tellingWords, type Question } from '../question.ts';
import type { Proposal, RepairRule } from '../rule.ts';
import { bareName, nameWords } from '../words.ts';
import { isAggregate } from './aggregates.ts';
import { splitDuplicateAliases } from './duplicate-alias.ts';
import { farColumns, isItsName, isPartOf, nearColumns } from './near-columns.ts';
import { rebuildFrom, type AddedTable, type Drop, type Target } from './rebuild-from.ts';
import { mendUnknownTables } from './unknown-table.ts';
import { forgottenFrom, otherTables, swappedTables, type Ranked } from './whole-tables.ts';

/**
 * What to do with a column that nothing in reach has. Costs are in one unit: about 0.05 for the same name at another alias, 0.2 and
 * more for a table to be joined, 1 less the similarity for a name that is only alike. They order the candidates; SQLite and the result decide.
 */
type Action =
  | { readonly kind: 'column'; readonly alias: string; readonly column: string }
  | { readonly kind: 'join'; readonly table: string; readonly column: string }
  /** COUNT(x): count rows instead. */
  | { readonly kind: 'star' }
  /** A text without its quotes. */
  | { readonly kind: 'text' }
  /** A join condition: leave the column, put the join together anew. */
  | { readonly kind: 'rejoin' };

/** What a column costs in the very table of which the question asks for it. */
const ASKED_FOR = 0.04;

/** What a column's name is worth more than its key where the query shows it: nobody asks to see keys. */
const SHOWN_NAME = 0.05;
/** What it costs that a column has fewer words than were asked for, while one a key away has them all. */
const DROPPED_WORDS = 0.1;
/** An exact column of a table that is named in the column's own name. */
const NAMED_OWNER = 0.08;
const COMPARISONS = new Set(['=', '!=', '<>', '==', '<', '>', '<=', '>=', 'IS']);
interface Option {
  readonly action: Action;
  readonly cost: number;
  /** The part of the cost that a second column of the same table need not pay again. */
  readonly tableCost: number;
}

interface Missing {
  readonly scope: Scope;
  readonly qualifier: string;
  readonly name: string;
  readonly columns: readonly ColumnReference[];
  readonly inCount: boolean;
  readonly inJoin: boolean;
}

const MAX_COMBINATIONS = 2_000;
const MAX_CANDIDATES = 24;
/** An option as dear as this is a guess. */
const LAST_RESORT = 0.7;
/** A statement with more unknown names than this was not meant for this database. */
const MAX_MISSING = 12;
/** Nobody means a table that is further away than this without naming any on the way. */
const MAX_STEPS = 4;
const OPTIONS_PER_COLUMN = 3;
/** A column's name in a table that would first have to be joined. */
const MIN_SIMILARITY_ELSEWHERE = 0.84;

/** Columns and tables that do not resolve: another alias, a table to join along the keys, a name that is nearly the same. */
export const names: RepairRule = {
  name: 'names',
  group: 'names',
  on: 'error',
  keepsRows: false,
  propose({ tree, catalog, question }) {
    return Promise.resolve(nameProposals(tree, catalog, question));
  },
};

export function nameProposals(original: SqlTree, catalog: Catalog, question: Question): Proposal[] {
  const tables = mendUnknownTables(original, catalog, question);
  const aliases = splitDuplicateAliases(tables.tree, catalog);
  const tree = aliases.tree;
  const begun = [...tables.reasons, ...aliases.reasons];
  if (findMissing(tree).length > MAX_MISSING) return [];
  const ranked = columnProposals(tree, catalog, question, begun);
  for (const swapped of swappedTables(tree, catalog, question))
    for (const { cost, proposal } of columnProposals(swapped.tree, catalog, question, [...begun, swapped.reason]))
      ranked.push({ cost: cost + swapped.cost, proposal });
  ranked.push(...otherTables(tree, catalog, question, begun), ...forgottenFrom(tree, catalog, question, begun));
  ranked.sort((a, b) => a.cost - b.cost);
  const seen = new Set([original.source]);
  return ranked.flatMap(({ proposal }) => {
    if (seen.has(proposal.sql) || proposal.reason === '') return [];
    seen.add(proposal.sql);
    return [proposal];
  });
}

/** What the columns that resolve nowhere may mean, all combinations of it that are cheap enough to be meant. */
function columnProposals(tree: SqlTree, catalog: Catalog, question: Question, begun: readonly string[]): Ranked[] {
  const missing = findMissing(tree);
  const lists = missing.map((column) => optionsFor(column, tree, catalog, question));
  if (lists.some((list) => list.length === 0)) return [];
  const combinations = combine(lists).map((combination) => ({ combination, cost: totalCost(combination, missing) }));
  combinations.sort((a, b) => a.cost - b.cost);
  return combinations.slice(0, MAX_CANDIDATES).flatMap(({ combination, cost }) =>
    [[0, 'unused'] as const, [0.3, 'none'] as const].flatMap(([extra, drop]): Ranked[] => {
      const found = applyActions(tree, missing, combination, catalog, question, drop);
      if (found === null) return [];
      const lastResort = combination.some((option) => option.cost >= LAST_RESORT);
      return [{ cost: cost + extra, proposal: { sql: found.sql, reason: [...begun, ...found.reasons].join(' '), lastResort } }];
    }),
  );
}

/** The column references that resolve nowhere, each name once a scope, and once more for its join conditions. */
export function findMissing(tree: SqlTree): Missing[] {
  const missing: Missing[] = [];
  for (const scope of tree.scopes) {
    const byName = new Map<string, ColumnReference[]>();
    for (const column of scope.columns()) {
      if (!isUnresolved(tree, scope, column)) continue;
      const key = `${column.table?.name.toLowerCase() ?? ''}\n${column.name.name.toLowerCase()}\n${String(scope.inJoin(column))}`;
      byName.set(key, [...(byName.get(key) ?? []), column]);
    }
    for (const columns of byName.values()) {
      const first = columns[0];
      if (first === undefined) continue;
      const parent = tree.parentOf(first);
      missing.push({
        scope,
        qualifier: first.table?.name.toLowerCase() ?? '',
        name: first.name.name.toLowerCase(),
        columns,
        inCount: parent?.kind === 'call' && parent.name.name.toLowerCase() === 'count',
        inJoin: scope.inJoin(first),
      });
    }
  }
  return missing;
}

/**
 * Nothing in reach has it, or only a SELECT around it, where an aggregate, GROUP BY and ORDER BY in this one cannot take it from (SQLite, `resolveSelectStep`),
 * and where nobody means it to be taken from.
 */
function isUnresolved(tree: SqlTree, scope: Scope, column: ColumnReference): boolean {
  const { status } = scope.resolve(column);
  if (status === 'missing') return true;
  if (status !== 'outer') return false;
  const parent = tree.parentOf(column);
  return (parent !== null && isAggregate(parent)) || isMisread(tree, scope, column);
}

/**
 * SQLite runs it, but an outer column is not what is meant: ORDER BY and GROUP BY (since 3.47) get the same value on every row, and `id IN (SELECT id FROM pet)`
 * where pet has no id compares the row with itself.
 */
export function misreadsOuterColumn(tree: SqlTree): boolean {
  return tree.scopes.some((scope) =>
    scope.columns().some((column) => scope.resolve(column).status === 'outer' && isMisread(tree, scope, column)),
  );
}

/** Of a column that resolves outside. */
function isMisread(tree: SqlTree, scope: Scope, column: ColumnReference): boolean {
  return inOrder(scope, column) || isComparedWithItself(tree, scope, column);
}

/** The whole of what a compared subquery selects. */
function isComparedWithItself(tree: SqlTree, scope: Scope, column: ColumnReference): boolean {
  const around = tree.parentOf(scope.query);
  const isCompared = around?.kind === 'in' || (around?.kind === 'subquery' && tree.parentOf(around)?.kind === 'binary');
  return isCompared && scope.select.columns.some((item) => item.expression === column);
}

function inOrder(scope: Scope, node: ColumnReference): boolean {
  const inside = (start: number, end: number): boolean => node.start >= start && node.end <= end;
  const { orderBy, cores } = scope.query;
  if (orderBy !== null && cores.length === 1 && inside(orderBy.start, orderBy.end)) return true;
  const { groupBy } = scope.select;
  return groupBy !== null && inside(groupBy.start, groupBy.end);
}

/** Whether an alias that was never declared could stand for the table: its initials or the beginning of a word. */
function aliasFits(alias: string, table: string): boolean {
  const letters = alias.toLowerCase().replaceAll(/[^\p{L}]/gu, '');
  if (letters === '' || (letters === 't' && alias.length > 1)) return false;
  const words = nameWords(table);
  const initials = words.map((word) => word.charAt(0)).join('');
  return letters === initials || bareName(table).startsWith(letters) || words.some((word) => word.startsWith(letters));
}

function optionsFor(missing: Missing, tree: SqlTree, catalog: Catalog, question: Question): Option[] {
  const all = [...textOptions(missing, tree, question), ...columnOptions(missing, catalog, question)];
  if (!missing.inJoin) return all.slice(0, OPTIONS_PER_COLUMN);
  // In a join condition the keys know better than the name, unless the name is nearly right.
  const unbound = missing.scope.source(missing.qualifier) === null;
  const links = all.filter(({ action }) => action.kind === 'column' && !comparesToItself(missing, action.alias, tree));
  const sure = links.find(
    ({ action, cost }) => action.kind === 'column' && cost <= 0.12 && (unbound || action.alias === missing.qualifier),
  );
  return [...(sure === undefined ? [] : [sure]), { action: { kind: 'rejoin' }, cost: 0.13, tableCost: 0 }, ...withoutKeys(missing, links)];
}

/** Where no key is declared: the very name at another alias, first at that of the table that the condition joins. */
function withoutKeys({ scope, name, columns }: Missing, links: readonly Option[]): Option[] {
  return links.flatMap((option) => {
    const { action } = option;
    if (action.kind !== 'column' || action.column !== name) return [];
    const item = scope.source(action.alias)?.item;
    const joined = item !== undefined && columns.every(({ start, end }) => item.start <= start && end <= item.end);
    return [{ ...option, cost: joined ? 0.2 : 0.22 }];
  });
}

/** A condition on one table alone joins nothing. */
function comparesToItself({ scope, columns }: Missing, alias: string, tree: SqlTree): boolean {
  return columns.some((column) => {
    const parent = tree.parentOf(column);
    if (parent?.kind !== 'binary') return false;
    const other = parent.left === column ? parent.right : parent.left;
    return other.kind === 'column' && scope.resolve(other).source?.alias === alias;
  });
}

/** `name = Kyle`: a word of the question without its quotes. */
function textOptions({ qualifier, columns }: Missing, tree: SqlTree, question: Question): Option[] {
  const isText = columns.every((column) => {
    const parent = tree.parentOf(column);
    const compares =
      parent?.kind === 'binary' && parent.right === column && COMPARISONS.has(parent.operator) && parent.left.kind === 'column';
    return compares || (parent?.kind === 'in' && parent.items?.includes(column) === true);
  });
  const word = columns[0]?.name;
  if (!isText || qualifier !== '' || word?.quote !== '' || !question.text.includes(word.name)) return [];
  return [{ action: { kind: 'text' }, cost: 0.02, tableCost: 0 }];
}

function columnOptions({ scope, qualifier, name, inCount, columns }: Missing, catalog: Catalog, question: Question): Option[] {
  const options: Option[] = [];
  const isShown =
    scope.parent === null &&
    columns.some(({ start, end }) => scope.select.columns.some((shown) => shown.start <= start && end <= shown.end));
  const toColumn = (cost: number, alias: string, column: string) =>
    options.push({ action: { kind: 'column', alias, column }, cost, tableCost: 0 });
  const sources = scope.sources.filter((source): source is Source & { table: string } => source.table !== null);
  const bound = sources.find((source) => source.alias === qualifier);
  sources.forEach((source, index) => {
    if (source !== bound && source.columns?.has(name) === true) toColumn(0.05 + 0.01 * index, source.alias, name);
  });
  for (const source of scope.sources) {
    // Subqueries and WITH tables whose outputs are known.
    if (source.table === null && source.columns?.has(name) === true && source.alias !== qualifier && source.alias !== '')
      toColumn(0.06, source.alias, name);
  }
  for (const source of bound === undefined ? sources : [bound]) {
    const near = nearColumns(catalog, source.table, name);
    for (const { column, score } of near) {
      const shown = isShown && isItsName(column, name) ? SHOWN_NAME : 0;
      const isMeant = catalog.tables.get(source.table)?.primary.includes(column) === true || question.asksFor(column, source.table);
      const elsewhere = catalog.edges(source.table).some((edge) => catalog.lookup(edge.toTable)?.has(name) === true);
      const dropped = !isMeant && elsewhere && isPartOf(column, name);
      toColumn(1.02 - score - shown + (dropped ? DROPPED_WORDS : 0), source.alias, column);
    }
    if (near.length === 0)
      for (const { column, score } of farColumns(catalog, source.table, name)) toColumn(1.4 - score, source.alias, column);
    if (near.length === 0 && (name === 'name' || name === 'title')) {
      for (const column of catalog.tables.get(source.table)?.columnNames ?? []) {
        const words = nameWords(column);
        const isName = words.includes('name') || words.includes('title');
        if (bareName(column) === bareName(source.table) || isName) toColumn(words.length > 1 ? 0.25 : 0.24, source.alias, column);
      }
    }
  }
  if (bound !== undefined) {
    for (const source of sources) {
      if (source !== bound)
        for (const { column, score } of nearColumns(catalog, source.table, name)) toColumn(1.17 - score, source.alias, column);
    }
  }
  options.push(...joinOptions(scope, qualifier, name, bound, sources, catalog, question));
  if (inCount) options.push({ action: { kind: 'star' }, cost: 0.45, tableCost: 0 });
  options.sort((a, b) => a.cost - b.cost);
  const seen = new Set<string>();
  return options
    .filter(({ action }) => {
      const key = JSON.stringify(action);
      return !seen.has(key) && seen.add(key);
    })
    .slice(0, 4);
}

function joinOptions(
  scope: Scope,
  qualifier: string,
  name: string,
  bound: (Source & { table: string }) | undefined,
  sources: readonly (Source & { table: string })[],
  catalog: Catalog,
  question: Question,
): Option[] {
  const options: Option[] = [];
  const here = sources.map((source) => source.table);
  for (const [key, table] of catalog.tables) {
    if (here.includes(key)) continue;
    const hits = table.columnNames.has(name) ? [{ column: name, score: 1 }] : nearColumns(catalog, key, name, MIN_SIMILARITY_ELSEWHERE);
    if (hits.length === 0 || here.length === 0) continue;
    const path = (bound === undefined ? null : catalog.path([bound.table], key)) ?? catalog.path(here, key);
    if (path === null || path.length > MAX_STEPS) continue;
    let cost = 0.2 + 0.08 * path.length - (question.mentions(table.name) ? 0.06 : 0);
    const through = table.columnNames.has(name) ? keyLikeName(bound === undefined ? sources : [bound], key, name, catalog) : null;
    if (through !== null) cost = Math.min(cost, 1.01 - through);
    if (table.columnNames.has(name) && path.length === 1 && namesOwner(name, table.name)) cost = Math.min(cost, NAMED_OWNER);
    if (question.asksFor(name, table.name) && !sources.some((source) => question.asksFor(name, source.table)))
      cost = Math.min(cost, ASKED_FOR);
    if (qualifier !== '' && bound === undefined && aliasFits(qualifier, table.name)) {
      if (bareName(qualifier) === bareName(table.name)) cost = 0.02;
      else cost = sources.some((source) => aliasFits(qualifier, source.table)) ? Math.min(cost, 0.12) : 0.04;
    }
    for (const { column, score } of hits)
      options.push({ action: { kind: 'join', table: key, column }, cost: cost + 1 - score, tableCost: cost });
  }
  if (
    qualifier !== '' &&
    bound === undefined &&
    scope.sources.length > 0 &&
    catalog.tables.get(qualifier)?.columnNames.has(name) === true
  ) {
    options.push({ action: { kind: 'join', table: qualifier, column: name }, cost: 0.01, tableCost: 0 });
  }
  return options;
}

/** `breed_name` of the table `breeds`. */
function namesOwner(column: string, table: string): boolean {
  const words = nameWords(column);
  const owner = tellingWords(table);
  return owner.length > 0 && owner.length < words.length && owner.every((word) => words.includes(word));
}

/** `course` of a table with `course_id`, which refers to a table with a column `course`: how alike the key's name is; null where there is none. */
function keyLikeName(sources: readonly (Source & { table: string })[], target: string, name: string, catalog: Catalog): number | null {
  let best: number | null = null;
  for (const source of sources) {
    for (const { column, score } of nearColumns(catalog, source.table, name)) {
      const refers = catalog.keys.some((key) => key.table === source.table && key.column === column && key.toTable === target);
      if (refers && (best === null || score > best)) best = score;
    }
  }
  return best;
}

function combine(lists: readonly (readonly Option[])[]): Option[][] {
  let combinations: Option[][] = [[]];
  for (const list of lists) {
    const grown: Option[][] = [];
    for (const combination of combinations) {
      for (const option of list) {
        if (grown.length >= MAX_COMBINATIONS) break;
        grown.push([...combination, option]);
      }
    }
    combinations = grown;
  }
  return combinations;
}

function totalCost(combination: readonly Option[], missing: readonly Missing[]): number {
  let total = 0;
  const shares = new Map<Scope, Map<string, number[]>>();
  combination.forEach((option, index) => {
    total += option.cost;
    const scope = missing[index]?.scope;
    if (option.action.kind !== 'join' || scope === undefined) return;
    const tables = shares.get(scope) ?? new Map<string, number[]>();
    shares.set(scope, tables);
    tables.set(option.action.table, [...(tables.get(option.action.table) ?? []), option.tableCost]);
  });
  for (const tables of shares.values()) {
    for (const costs of tables.values()) total -= costs.reduce((sum, cost) => sum + cost, 0) - Math.max(...costs);
  }
  return total;
}

interface Applied {
  readonly sql: string;
  readonly reasons: readonly string[];
}

function applyActions(
  tree: SqlTree,
  missing: readonly Missing[],
  combination: readonly Option[],
  catalog: Catalog,
  question: Question,
  drop: Drop,
): Applied | null {
  const edits: Edit[] = [];
  const reasons: string[] = [];
  for (const scope of tree.scopes) {
    const mine = missing.flatMap((item, index) => (item.scope === scope ? [{ item, action: combination[index]?.action }] : []));
    const ambiguous = scope.columns().filter((column) => scope.resolve(column).status === 'ambiguous');
    if (mine.length === 0 && ambiguous.length === 0) continue;
    const plan = new ScopePlan(scope, catalog);
    for (const { item, action } of mine) if (action !== undefined) plan.apply(item, action);
    for (const column of ambiguous) {
      const source = scope.resolve(column).source;
      if (source === null) continue;
      plan.pin(column, source);
      plan.reasons.push(`More than one table has a column “${column.name.name}”; the one of ${source.label} is meant.`);
    }
    if (plan.added.length > 0 || plan.rejoins) {
      plan.pinAll();
      const from = rebuildFrom(tree, scope, plan.added, plan.targets, plan.edits, catalog, question, drop);
      if (from === null) return null;
      edits.push(from);
    }
    edits.push(...plan.edits);
    reasons.push(...plan.reasons);
  }
  const sql = applyEdits(tree.source, edits);
  return { sql, reasons: [...new Set(reasons)] };
}

/** The edits of one SELECT, as its unresolved columns are decided one after the other. */
class ScopePlan {
  readonly edits: Edit[] = [];
  readonly reasons: string[] = [];
  readonly added: AddedTable[] = [];
  readonly targets = new Map<ColumnReference, Target>();
  rejoins = false;
  readonly #scope: Scope;
  readonly #catalog: Catalog;

  constructor(scope: Scope, catalog: Catalog) {
    this.#scope = scope;
    this.#catalog = catalog;
  }

  apply(item: Missing, action: Action): void {
    for (const column of item.columns) {
      if (this.#scope.inJoin(column) && action.kind !== 'column') {
        this.rejoins = true;
        continue;
      }
      this.#applyTo(column, action);
    }
    this.reasons.push(this.#reason(item, action));
  }

  #applyTo(column: ColumnReference, action: Action): void {
    switch (action.kind) {
      case 'column': {
        const source = this.#scope.source(action.alias);
        if (source === null) return;
        const name = this.#columnText(column, source.table, action.column);
        const bare = column.table === null && this.#scope.sources.length === 1;
        this.#retarget(column, { alias: action.alias, column: action.column }, bare ? name : `${source.label}.${name}`);
        return;
      }
      case 'join': {
        const alias = this.#joined(action.table);
        const label = alias === action.table ? quoteName(this.#catalog.tableName(action.table)) : quoteName(alias);
        this.#retarget(column, { alias, column: action.column }, `${label}.${this.#columnText(column, action.table, action.column)}`);
        return;
      }
      case 'star':
        this.edits.push(replaceSpan(column, '*'));
        return;
      case 'text':
        this.edits.push(replaceSpan(column, quoteString(column.name.name)));
        return;
      case 'rejoin':
        this.rejoins = true;
    }
  }

  /** As the model wrote it where only the table was wrong, else as the schema has it. */
  #columnText(column: ColumnReference, table: string | null, name: string): string {
    if (column.name.name.toLowerCase() === name && column.name.quote === '') return column.name.name;
    return quoteName(table === null ? name : this.#catalog.columnName(table, name));
  }

  #joined(table: string): string {
    const known = this.added.find((added) => added.table === table);
    if (known !== undefined) return known.alias;
    let alias = table;
    while (this.#scope.source(alias) !== null) alias += '_2';
    this.added.push({ alias, table });
    return alias;
  }

  #retarget(column: ColumnReference, target: Target, text: string): void {
    this.targets.set(column, target);
    this.edits.push(replaceSpan(column, text));
  }

  pin(column: ColumnReference, source: Source): void {
    if (this.targets.has(column) || source.label === '') return;
    this.#retarget(
      column,
      { alias: source.alias, column: column.name.name.toLowerCase() },
      `${source.label}.${quoteName(column.name.name)}`,
    );
  }

  /** Every column of the SELECT gets its qualifier, so that a new join cannot make it ambiguous. */
  pinAll(): void {
    for (const column of this.#scope.columns()) {
      if (column.table !== null) continue;
      const { status, source } = this.#scope.resolve(column);
      if ((status === 'ok' || status === 'ambiguous') && source !== null) this.pin(column, source);
    }
  }

  #reason({ qualifier, name, columns }: Missing, action: Action): string {
    const first = columns[0];
    const written = first === undefined ? name : first.name.name;
    const source = this.#scope.source(qualifier);
    const where =
      source?.table !== null && source !== null
        ? `“${this.#catalog.tableName(source.table)}” has no column “${written}”`
        : `Nothing here is called “${qualifier === '' ? written : `${qualifier}.${written}`}”`;
    switch (action.kind) {
      case 'column': {
        const target = this.#scope.source(action.alias);
        const table = target?.table === null || target === null ? action.alias : this.#catalog.tableName(target.table);
        if (action.column === name) return `${where}; “${table}” has it.`;
        return `${where}; the nearest name in “${table}” is “${this.#catalog.columnName(target?.table ?? '', action.column)}”.`;
      }
      case 'join':
        return `${where}; “${this.#catalog.tableName(action.table)}” has “${this.#catalog.columnName(action.table, action.column)}” and was joined along the keys.`;
      case 'star':
        return `${where}; rows are counted instead.`;
      case 'text':
        return `${where}; the question has it as a text.`;
      case 'rejoin':
        return `${where}, so the tables were joined along the schema's keys.`;
    }
  }
}
