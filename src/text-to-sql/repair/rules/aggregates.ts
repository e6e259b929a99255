import { walkOwn, type Call, type ColumnReference, type Expression, type Node, type Select } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { conjuncts, rewriteClauses } from './clauses.ts';

const AGGREGATES = new Set(['count', 'sum', 'avg', 'min', 'max', 'total', 'group_concat', 'string_agg']);

/** Whether a call makes one value of many rows; min(a, b) and window functions do not. */
export function isAggregate(node: Node): node is Call {
  if (node.kind !== 'call' || node.over !== null || node.overName !== null) return false;
  const name = node.name.name.toLowerCase();
  return AGGREGATES.has(name) && (node.arguments.length < 2 || name === 'group_concat' || name === 'string_agg');
}

export function isCount(node: Node): node is Call {
  return isAggregate(node) && node.name.name.toLowerCase() === 'count';
}

/** `min(x)` or `max(x)` over rows. */
export function isExtreme(node: Node): node is Call {
  return isAggregate(node) && /^(min|max)$/i.test(node.name.name);
}

/** What `min(x)` or `max(x)` is of, where that is a column. */
export function extremeColumn(node: Node | null): ColumnReference | null {
  const [argument] = node !== null && isExtreme(node) ? node.arguments : [];
  return argument?.kind === 'column' ? argument : null;
}

/** The aggregates of an expression, not of the queries in it. */
export function aggregatesIn(node: Node): Call[] {
  return [...walkOwn(node)].filter(isAggregate);
}

/** Aggregates where SQL does not take them: in WHERE, in each other, without the GROUP BY they need. */
export const aggregates: RepairRule = {
  name: 'aggregates',
  group: 'aggregates',
  on: 'error',
  keepsRows: false,
  propose({ tree }) {
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const scope of tree.scopes) mend(tree, scope, edits, reasons);
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits), reasons.join(' ')));
  },
};

function mend(tree: SqlTree, scope: Scope, edits: Edit[], reasons: string[]): void {
  const { select } = scope;
  const parts = select.where === null ? [] : conjuncts(select.where.condition);
  const misplaced = parts.filter((part) => aggregatesIn(part).length > 0);
  const ordersByAggregate = scope.query.cores.length === 1 && scope.query.orderBy !== null && aggregatesIn(scope.query.orderBy).length > 0;
  const selectsAggregate = select.columns.some((column) => aggregatesIn(column).length > 0);
  const plain = select.columns.flatMap((column) =>
    column.expression === null || aggregatesIn(column).length > 0 ? [] : [column.expression],
  );
  const needsGroup =
    select.groupBy === null &&
    plain.length > 0 &&
    (misplaced.length > 0 || select.having !== null || (ordersByAggregate && !selectsAggregate));
  if (misplaced.length > 0) {
    const rest = parts.filter((part) => !misplaced.includes(part));
    const having = [...misplaced, ...(select.having === null ? [] : [select.having.condition])];
    edits.push(
      rewriteClauses(tree, select, {
        where: rest.length === 0 ? null : rest.map((part) => tree.text(part)).join(' AND '),
        having: having.map((part) => tree.text(part)).join(' AND '),
        ...(needsGroup ? { groupBy: listed(tree, plain) } : {}),
      }),
    );
    reasons.push('WHERE looks at single rows, so the condition on a whole group went to HAVING.');
    return;
  }
  if (needsGroup) {
    edits.push(rewriteClauses(tree, select, { groupBy: listed(tree, plain) }));
    reasons.push('A figure for each group needs GROUP BY on the other columns shown.');
  }
  edits.push(...nestedAggregates(tree, scope.select, reasons));
}

function nestedAggregates(tree: SqlTree, select: Select, reasons: string[]): Edit[] {
  return aggregatesIn(select).flatMap((outer) => {
    const inner = outer.arguments.flatMap(aggregatesIn)[0];
    if (inner === undefined) return [];
    reasons.push(`An aggregate cannot stand in another one: “${tree.text(outer)}” became “${tree.text(inner)}”.`);
    return [replaceSpan(outer, tree.text(inner))];
  });
}

function listed(tree: SqlTree, expressions: readonly Expression[]): string {
  return expressions.map((expression) => tree.text(expression)).join(', ');
}
