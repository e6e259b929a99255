import type { Binary, Expression, Select } from '../../sql/ast.ts';
import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import type { SqlTree } from '../../sql/tree.ts';
import { aggregatesIn, isCount } from './aggregates.ts';
import { rewriteClauses, sameExpression } from './clauses.ts';

/** Two conditions on one column of which no value meets both: `x = 1 AND x = 2`, `x < 1 AND x > 2`. */
export function apartIn(parts: readonly Expression[]): readonly [Binary, Binary] | null {
  for (const [index, a] of parts.entries()) {
    for (const b of parts.slice(index + 1)) {
      if (a.kind !== 'binary' || b.kind !== 'binary' || a.left.kind !== 'column' || !sameExpression(a.left, b.left)) continue;
      if (a.right.kind !== 'literal' || b.right.kind !== 'literal') continue;
      const differ = a.operator === '=' && b.operator === '=' && !sameExpression(a.right, b.right);
      const [below, above] = a.operator === '<' ? [a, b] : [b, a];
      const open = below.operator === '<' && above.operator === '>' && valueOf(below.right) <= valueOf(above.right);
      if (differ || open) return [a, b];
    }
  }
  return null;
}

/** Numbers, those between quotes included; anything else is neither below nor above. */
function valueOf(literal: Expression): number {
  return literal.kind === 'literal' && /\d/.test(literal.value) ? Number(literal.value) : Number.NaN;
}

/** The SELECT twice, with INTERSECT between: once for each of the two conditions, both times with the rest. */
export function intersectSides(tree: SqlTree, core: Select, pair: readonly [string, string], rest: readonly string[]): string {
  return pair.map((condition) => side(tree, core, [...rest, condition])).join(' INTERSECT ');
}

function side(tree: SqlTree, core: Select, conditions: readonly string[]): string {
  const counts = core.having !== null && aggregatesIn(core.having).some(isCount);
  const where = conditions.join(' AND ');
  const edits = [rewriteClauses(tree, core, counts ? { where, groupBy: null, having: null } : { where })];
  if (core.distinct !== null) edits.push(replaceSpan(core.distinct, ''));
  return applyEdits(tree.source, [
    ...edits,
    replaceSpan({ start: core.end, end: tree.source.length }, ''),
    replaceSpan({ start: 0, end: core.start }, ''),
  ]).trim();
}
