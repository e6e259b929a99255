import type { Call, ColumnReference, Node, Select } from '../../sql/ast.ts';
import { insertAt, replaceSpan } from '../../sql/patch.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import { mendingRule } from '../rule.ts';
import { extremeColumn, isExtreme } from './aggregates.ts';

const COMPARISONS = new Set(['<', '>', '<=', '>=', '=', '!=']);

/** `accelerate > (SELECT max(horsepower) FROM cars)`: what is meant is the acceleration of the car with most horsepower. */
export const sameMeasure = mendingRule({
  name: 'same-measure',
  group: 'question',
  keepsRows: false,
  *find({ tree }) {
    for (const scope of tree.scopes) {
      for (const node of scope.own()) {
        const found = comparedWithOther(tree, scope, node);
        if (found === null) continue;
        const { own, inner, extreme, measure } = found;
        const highest = /max/i.test(extreme.name.name);
        yield {
          edits: [
            replaceSpan(extreme, tree.text(own.name)),
            insertAt(inner.end, ` ORDER BY ${tree.text(measure)}${highest ? ' DESC' : ''} LIMIT 1`),
          ],
          reason: `“${own.name.name}” is compared with that of the row with the ${highest ? 'highest' : 'lowest'} “${measure.name.name}”.`,
        };
      }
    }
  },
});

interface Found {
  readonly own: ColumnReference;
  readonly inner: Select;
  readonly extreme: Call;
  readonly measure: ColumnReference;
}

/** A column compared with the extreme of another column of its table. */
function comparedWithOther(tree: SqlTree, scope: Scope, node: Node): Found | null {
  if (node.kind !== 'binary' || !COMPARISONS.has(node.operator) || node.left.kind !== 'column' || node.right.kind !== 'subquery')
    return null;
  const { cores, limit, orderBy } = node.right.query;
  const [inner, side] = cores;
  if (inner?.kind !== 'select' || side !== undefined || inner.groupBy !== null || limit !== null || orderBy !== null) return null;
  const [column, second] = inner.columns;
  const extreme = column?.expression ?? null;
  const measure = extremeColumn(extreme);
  if (second !== undefined || extreme === null || !isExtreme(extreme) || measure === null) return null;
  const [source, joined] = tree.scopeOf(inner)?.sources ?? [];
  const owner = scope.resolve(node.left).source;
  if (joined !== undefined || source === undefined || source.table === null || owner?.table !== source.table) return null;
  return measure.name.name.toLowerCase() === node.left.name.name.toLowerCase() ? null : { own: node.left, inner, extreme, measure };
}
