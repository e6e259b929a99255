import type { ColumnReference, Literal, Node } from '../../text-to-sql/sql/ast.ts';
import { walk } from '../../text-to-sql/sql/ast.ts';
import { applyEdits, insertAt, replaceSpan, type Edit } from '../../text-to-sql/sql/patch.ts';
import { quoteName } from '../../text-to-sql/sql/print.ts';
import { quoteString } from '../../text-to-sql/sql-name.ts';
import type { Scope, TableLookup } from '../../text-to-sql/sql/scopes.ts';
import { readTree, type SqlTree } from '../../text-to-sql/sql/tree.ts';

const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='];
const AGGREGATES = ['sum', 'avg', 'min', 'max', 'count'];
const SET_OPERATORS = ['INTERSECT', 'UNION', 'EXCEPT'];
/** Of a table with many columns only so many take another's place. */
const COLUMNS_TRIED = 4;

type Add = (...edits: Edit[]) => void;

/**
 * Queries one small fault away from a gold query, as models make them (Zhong, Yu and Klein, EMNLP 2020, section 3.2: one operator, number, text, column
 * or aggregate replaced, one part left out). DISTINCT is left alone: the official comparison takes it out of both queries. None for a query that the
 * parser does not know. The same input gives the same list; a neighbour may well mean the same as the gold query.
 */
export function neighbours(sql: string, lookup: TableLookup): string[] {
  const tree = readTree(sql, lookup);
  if (tree === null) return [];
  const found = new Set<string>();
  const add: Add = (...edits) => {
    const text = applyEdits(sql, edits);
    if (text !== sql) found.add(text);
  };
  for (const node of walk(tree.query)) {
    changeNode(tree, node, add);
    if (node.kind === 'query') changeSetOperators(node, add);
  }
  for (const scope of tree.scopes) {
    for (const column of scope.columns()) changeColumn(scope, column, lookup, add);
    leaveOut(scope, add);
  }
  return [...found];
}

function changeNode(tree: SqlTree, node: Node, add: Add): void {
  switch (node.kind) {
    case 'binary': {
      // A join's condition keeps its operator: nobody writes `a.id < b.id` by mistake.
      const joins = node.left.kind === 'column' && node.right.kind === 'column';
      if (COMPARISONS.includes(node.operator) && !joins)
        for (const other of COMPARISONS) if (other !== node.operator) add(replaceSpan(node.operatorSpan, other));
      if (node.operator === 'AND' || node.operator === 'OR') {
        add(replaceSpan(node.operatorSpan, node.operator === 'AND' ? 'OR' : 'AND'));
        if (!joinsTables(node)) add(replaceSpan(node, tree.text(node.left)));
        if (!joinsTables(node)) add(replaceSpan(node, tree.text(node.right)));
      }
      return;
    }
    case 'literal':
      for (const text of otherLiterals(node)) add(replaceSpan(node, text));
      return;
    case 'call': {
      const name = node.name.name.toLowerCase();
      if (AGGREGATES.includes(name) && node.arguments.length === 1)
        for (const other of AGGREGATES) if (other !== name) add(replaceSpan(node.name, other));
      return;
    }
    case 'in':
    case 'between':
    case 'like': {
      const before = node.kind === 'like' ? node.left : node.operand;
      add(node.not === null ? insertAt(before.end, ' NOT') : replaceSpan(node.not, ''));
      return;
    }
    case 'orderTerm':
      add({ start: node.expression.end, end: node.end, text: node.descending ? ' ASC' : ' DESC' });
      return;
    default:
  }
}

/** Whether a side of AND is all that ties two tables together: without it the result explodes, which any data shows. */
function joinsTables(node: Extract<Node, { kind: 'binary' }>): boolean {
  return [node.left, node.right].some((side) => side.kind === 'binary' && side.left.kind === 'column' && side.right.kind === 'column');
}

function otherLiterals({ type, value }: Literal): string[] {
  if (type === 'number' && /^\d+$/.test(value)) return [String(Number(value) + 1), String(Math.max(0, Number(value) - 1))];
  if (type === 'number') return [`(${value} * 2)`];
  if (type !== 'string' || value === '') return [];
  const bare = value.replaceAll('%', '');
  if (bare !== value) return [quoteString(bare), value.startsWith('%') ? quoteString(value.slice(1)) : quoteString(`%${value}`)];
  return [quoteString(`${value}x`)];
}

/** Another column of the same table in its place, not in a join's condition. */
function changeColumn(scope: Scope, column: ColumnReference, lookup: TableLookup, add: Add): void {
  const { status, source } = scope.resolve(column);
  const table = source?.table ?? null;
  if (status !== 'ok' || source === null || table === null || scope.inJoin(column)) return;
  const others = [...(lookup(table) ?? [])].filter((name) => name !== column.name.name.toLowerCase());
  // Spread over the table, so that wide tables are not only tried at their beginning.
  const step = Math.max(1, Math.floor(others.length / COLUMNS_TRIED));
  for (const other of others.filter((_, at) => at % step === 0).slice(0, COLUMNS_TRIED)) {
    const qualifier = column.table === null && scope.sources.length > 1 ? `${source.label}.` : '';
    add(replaceSpan(column.name, qualifier + quoteName(other)));
  }
}

function leaveOut(scope: Scope, add: Add): void {
  const { select, query } = scope;
  const commaJoin = scope.sources.some(({ item }) => item.join?.operator === ',');
  if (select.where !== null && !commaJoin) add(replaceSpan(select.where, ''));
  if (select.having !== null) add(replaceSpan(select.having, ''));
  if (select.groupBy !== null && select.having === null) add(replaceSpan(select.groupBy, ''));
  if (query.cores.length > 1) return;
  if (query.limit !== null) add(replaceSpan(query.limit, ''));
  if (query.orderBy !== null) {
    add(replaceSpan(query.orderBy, ''));
    if (query.limit !== null) add(replaceSpan(query.orderBy, ''), replaceSpan(query.limit, ''));
  }
}

function changeSetOperators(query: Extract<Node, { kind: 'query' }>, add: Add): void {
  for (const [at, operator] of query.operators.entries()) {
    const [before, after] = [query.cores[at], query.cores[at + 1]];
    if (before === undefined || after === undefined) continue;
    const between = { start: before.end, end: after.start };
    for (const other of SET_OPERATORS) if (other !== operator) add(replaceSpan(between, ` ${other} `));
    if (query.cores.length === 2 && query.orderBy === null) {
      add(replaceSpan({ start: before.end, end: query.end }, ''));
      add(replaceSpan({ start: query.start, end: after.start }, ''));
    }
  }
}
