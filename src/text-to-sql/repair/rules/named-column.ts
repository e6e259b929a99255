import type { ColumnReference, Node } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { tellingWords, type Question } from '../question.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { nameWords } from '../words.ts';
import { isAggregate } from './aggregates.ts';
import { isPartOf } from './near-columns.ts';

const COMPARISONS = new Set(['=', '!=', '<', '>', '<=', '>=']);
/** Functions of numbers. */
const ARITHMETIC = new Set(['avg', 'sum', 'total']);

interface Place {
  readonly table: string;
  /** Lower-case. */
  readonly column: string;
}

/** The question calls a column of the tables in use by its whole name, the query does not use it, and shows or compares one of which nothing is said. */
export const namedColumn: RepairRule = {
  name: 'named-column',
  group: 'question',
  on: 'rows',
  keepsRows: true,
  propose({ tree, catalog, question }) {
    const edits: Edit[] = [];
    const reasons: string[] = [];
    // What an inner query or a side of a set operation shows is for comparing, not for reading.
    for (const scope of tree.scopes)
      if (scope.onlyBaseTables && scope.query === tree.query && tree.query.cores.length === 1)
        mend(tree, scope, catalog, question, edits, reasons);
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits), reasons.join(' ')));
  },
};

function mend(tree: SqlTree, scope: Scope, catalog: Catalog, question: Question, edits: Edit[], reasons: string[]): void {
  const unsaid = unsaidColumns(tree, scope, question);
  if (unsaid.size === 0) return;
  const said = saidColumns(tree, scope, catalog, question);
  const [wanted] = said;
  const [found] = unsaid.values();
  if (wanted === undefined || found?.[0] === undefined || said.length > 1 || unsaid.size > 1) return;
  const { source } = scope.resolve(found[0]);
  if (source?.table !== wanted.table) return;
  if (found.some((column) => needsNumber(tree, column)) && catalog.holdsText(wanted.table, wanted.column)) return;
  const name = quoteName(catalog.columnName(wanted.table, wanted.column));
  for (const column of found) edits.push(replaceSpan(column, scope.sources.length > 1 ? `${source.label}.${name}` : name));
  reasons.push(`The question speaks of “${catalog.columnName(wanted.table, wanted.column)}”, not of “${found[0].name.name}”.`);
}

/** What the query shows, orders by or compares with a number without a word of it in the question; by table and name. */
function unsaidColumns(tree: SqlTree, scope: Scope, question: Question): Map<string, ColumnReference[]> {
  const found = new Map<string, ColumnReference[]>();
  for (const column of scope.columns()) {
    const { status, source } = scope.resolve(column);
    const name = column.name.name.toLowerCase();
    if (status !== 'ok' || source === null || source.table === null || scope.inJoin(column)) continue;
    const key = `${source.table}.${name}`;
    found.set(key, [...(found.get(key) ?? []), column]);
  }
  const others = new Set<string>();
  for (const [key, columns] of found) {
    const name = columns[0]?.name.name ?? '';
    const telling = tellingWords(name);
    const words = telling.length === 0 ? nameWords(name) : telling;
    if (
      words.some((word) => question.hasForm(word, others)) ||
      question.spells(name) ||
      !columns.some((column) => isShown(tree, scope, column))
    )
      found.delete(key);
    else if (columns.some((column) => isTested(tree, column) || isYear(tree, column))) found.delete(key);
  }
  return found;
}

function isShown(tree: SqlTree, scope: Scope, column: ColumnReference): boolean {
  const within = (span: { start: number; end: number } | null) => span !== null && column.start >= span.start && column.end <= span.end;
  return scope.select.columns.some(within) || isComparedWithNumber(tree, column);
}

/** `year < 2003` needs no word for the year. */
function isYear(tree: SqlTree, column: ColumnReference): boolean {
  const parent = tree.parentOf(column);
  return (
    /year|date/i.test(column.name.name) &&
    parent?.kind === 'binary' &&
    parent.right.kind === 'literal' &&
    /^[12]\d{3}$/.test(parent.right.value)
  );
}

function isComparedWithNumber(tree: SqlTree, column: ColumnReference): boolean {
  const parent = tree.parentOf(column);
  return parent?.kind === 'binary' && COMPARISONS.has(parent.operator) && parent.right.kind === 'literal' && parent.right.type === 'number';
}

/** Compared with a text or a query: that says more of what is meant than its name does. */
function isTested(tree: SqlTree, column: ColumnReference): boolean {
  const parent = tree.parentOf(column);
  if (parent?.kind === 'in' || parent?.kind === 'like' || parent?.kind === 'between') return true;
  return parent?.kind === 'binary' && COMPARISONS.has(parent.operator) && !isComparedWithNumber(tree, column);
}

function needsNumber(tree: SqlTree, column: ColumnReference): boolean {
  const parent: Node | null = tree.parentOf(column);
  return isComparedWithNumber(tree, column) || (parent !== null && isAggregate(parent) && ARITHMETIC.has(parent.name.name.toLowerCase()));
}

/** Columns of the tables in reach that the question calls by their whole names and that stand nowhere in the query. */
function saidColumns(tree: SqlTree, scope: Scope, catalog: Catalog, question: Question): Place[] {
  const used = new Set(tree.all('column').map((column) => column.name.name.toLowerCase()));
  const names = [...catalog.tables].flatMap(([table, { name, columns }]) => [
    { place: null, words: nameWords(name) },
    ...[...columns].map(([column, { name: columnName }]) => ({ place: { table, column }, words: nameWords(columnName) })),
  ]);
  const spans = names.flatMap(({ place, words }) => question.places(words).map((start) => ({ place, start, end: start + words.length })));
  const here = new Set(scope.sources.flatMap(({ table }) => table ?? []));
  const said = spans.filter(
    ({ place, start, end }) =>
      place !== null &&
      here.has(place.table) &&
      !used.has(place.column) &&
      !isPartOf(catalog.columnName(place.table, place.column), catalog.tableName(place.table)) &&
      // Not a part of a longer name, nor a table's name as well.
      !spans.some((other) => other.start <= start && other.end >= end && (other.end - other.start > end - start || other.place === null)),
  );
  const places = new Map(said.flatMap(({ place }) => (place === null ? [] : [[`${place.table}.${place.column}`, place]])));
  return [...places.values()];
}
