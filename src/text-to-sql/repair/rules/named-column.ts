import type { ColumnReference, Node, Span } from '../../sql/ast.ts';
import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import { readTree, type SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { calledNames, type Question } from '../question.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { isAggregate } from './aggregates.ts';
import { selectRule } from './clauses.ts';
import { nameProposals } from './names.ts';
import { isPartOf } from './near-columns.ts';

const COMPARISONS = new Set(['=', '!=', '<', '>', '<=', '>=']);
/** Functions of numbers. */
const ARITHMETIC = new Set(['avg', 'sum', 'total']);

const EXTREME = /^(most|least|fewest|largest|greatest|highest|lowest|smallest|biggest|maximum|minimum|longest|shortest)$/;

interface Place {
  readonly table: string;
  /** Lower-case. */
  readonly column: string;
  /** "The lowest life expectancy". */
  readonly isExtreme: boolean;
}

/** The question calls one column by its whole name, the query does not use it, and shows or compares one of which nothing is said. */
export const namedColumn = selectRule({
  name: 'named-column',
  group: 'question',
  keepsRows: true,
  propose,
});

function propose({ tree, catalog, question }: Situation, scope: Scope): readonly Proposal[] {
  const tables = new Set(scope.sources.flatMap(({ table }) => table ?? []));
  const named = saidColumns(tree, catalog, question);
  const here = named.filter(({ table }) => tables.has(table));
  const [wanted, second] = here.length === 0 ? named : here;
  if (wanted === undefined || second !== undefined) return [];
  const [found, other] = [...unsaidColumns(tree, scope, question, wanted.isExtreme).values()];
  const [first] = found ?? [];
  if (found === undefined || first === undefined || other !== undefined) return [];
  const isText = catalog.holdsText(wanted.table, wanted.column);
  if (isText && found.some((column) => needsNumber(tree, column))) return [];
  const name = catalog.columnName(wanted.table, wanted.column);
  const reason = `The question speaks of “${name}”, not of “${first.name.name}”.`;
  const put = (text: string) =>
    applyEdits(
      tree.source,
      found.map((column) => replaceSpan(column, text)),
    );
  const { source } = scope.resolve(first);
  if (source?.table === wanted.table)
    return proposal(tree, put(`${scope.sources.length > 1 ? `${source.label}.` : ''}${quoteName(name)}`), reason);
  // "More than 4 cylinders", where those stand in a table that has to be joined.
  if (here.length > 0 || isText || !found.some((column) => isComparedWithNumber(tree, column))) return [];
  const next = readTree(put(quoteName(name)), catalog.lookup);
  return next === null ? [] : nameProposals(next, catalog, question).map((proposed) => ({ ...proposed, reason }));
}

/** What the query shows, compares with a number or (`ordered`) orders by without a word of it in the question; by table and name. */
function unsaidColumns(tree: SqlTree, scope: Scope, question: Question, ordered: boolean): Map<string, ColumnReference[]> {
  const found = new Map<string, ColumnReference[]>();
  for (const column of scope.columns()) {
    const { status, source } = scope.resolve(column);
    const table = source?.table ?? null;
    if (status !== 'ok' || table === null || scope.inJoin(column)) continue;
    const key = `${table}.${column.name.name.toLowerCase()}`;
    found.set(key, [...(found.get(key) ?? []), column]);
  }
  for (const [key, columns] of found) {
    const unsaid = question.saysNothingOf(columns[0]?.name.name ?? '') && columns.some((column) => isShown(tree, scope, column, ordered));
    if (!unsaid || columns.some((column) => isTested(tree, column) || isYear(tree, column))) found.delete(key);
  }
  return found;
}

function isShown(tree: SqlTree, scope: Scope, column: ColumnReference, ordered: boolean): boolean {
  const isIn = (span: Span) => column.start >= span.start && column.end <= span.end;
  if (scope.select.columns.some(isIn) || isComparedWithNumber(tree, column)) return true;
  return ordered && tree.query.orderBy !== null && isIn(tree.query.orderBy);
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

/** Columns that the question calls by their whole names and that stand nowhere in the query. */
function saidColumns(tree: SqlTree, catalog: Catalog, question: Question): Place[] {
  const used = new Set(tree.all('column').map((column) => column.name.name.toLowerCase()));
  const called = calledNames(question, catalog);
  const tables = new Set(called.flatMap(({ what, start }) => (what.column === null ? [start] : [])));
  const said = new Map<string, Place>();
  for (const { what, start } of called) {
    const { table, column } = what;
    // What is a table's name as well says nothing of the column.
    if (column === null || tables.has(start) || used.has(column)) continue;
    if (isPartOf(catalog.columnName(table, column), catalog.tableName(table))) continue;
    said.set(`${table}.${column}`, { table, column, isExtreme: EXTREME.test(question.words[start - 1] ?? '') });
  }
  return [...said.values()];
}
