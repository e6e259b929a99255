import type { Expression } from '../../sql/ast.ts';
import type { SqlTree } from '../../sql/tree.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn } from './aggregates.ts';
import { apartIn, intersectSides } from './both-sides.ts';
import { conjuncts, sameExpression, withoutParentheses } from './clauses.ts';

const BOTH = /\b(both|shared by)\b/i;
const EITHER = /\b(or|either)\b/i;
const COMPARISONS = new Set(['=', '<', '>', '<=', '>=']);

/** A habit of Spider's answers: "both a and b" is the INTERSECT of two queries, where the model asked for either or for one row that is both. */
export const bothValues: RepairRule = {
  name: 'both-values',
  group: 'habits',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    const core = tree.query.cores[0];
    if (tree.query.cores.length !== 1 || core?.kind !== 'select' || core.where === null || tree.query.ctes.length > 0)
      return Promise.resolve([]);
    if (EITHER.test(question.text) || !BOTH.test(question.text) || tree.query.orderBy !== null || tree.query.limit !== null)
      return Promise.resolve([]);
    if (core.columns.some((column) => aggregatesIn(column).length > 0)) return Promise.resolve([]);
    const split = splitConditions(tree, core.where.condition);
    if (split === null) return Promise.resolve([]);
    return Promise.resolve(
      proposal(
        tree,
        intersectSides(tree, core, split.pair, split.rest),
        'The question asks for what is true of both, so the rows must be in the answer to each.',
      ),
    );
  },
};

function splitConditions(tree: SqlTree, condition: Expression): { pair: readonly [string, string]; rest: readonly string[] } | null {
  const parts = conjuncts(condition);
  const without = (...out: Expression[]) => parts.filter((part) => !out.includes(part)).map((part) => tree.text(part));
  for (const part of parts) {
    const pair = eitherOf(tree, withoutParentheses(part));
    if (pair !== null) return { pair, rest: without(part) };
  }
  const apart = apartIn(parts);
  return apart === null ? null : { pair: [tree.text(apart[0]), tree.text(apart[1])], rest: without(...apart) };
}

/** `x IN (a, b)` or `x = a OR x = b` as its two halves. */
function eitherOf(tree: SqlTree, part: Expression): readonly [string, string] | null {
  if (part.kind === 'in' && part.not === null && part.items?.length === 2) {
    const [a, b] = part.items;
    if (a === undefined || b === undefined) return null;
    return [`${tree.text(part.operand)} = ${tree.text(a)}`, `${tree.text(part.operand)} = ${tree.text(b)}`];
  }
  if (part.kind !== 'binary' || part.operator !== 'OR') return null;
  const a = withoutParentheses(part.left);
  const b = withoutParentheses(part.right);
  if (
    a.kind !== 'binary' ||
    b.kind !== 'binary' ||
    !COMPARISONS.has(a.operator) ||
    !COMPARISONS.has(b.operator) ||
    !sameExpression(a.left, b.left)
  )
    return null;
  return [tree.text(a), tree.text(b)];
}
