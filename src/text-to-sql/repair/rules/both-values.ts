import type { Expression, Select } from '../../sql/ast.ts';
import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import type { SqlTree } from '../../sql/tree.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn, isCount } from './aggregates.ts';
import { conjuncts, rewriteClauses, sameExpression, withoutParentheses } from './clauses.ts';

const BOTH = /\b(both|shared by)\b/i;
const EITHER = /\b(or|either)\b/i;
const COMPARISONS = new Set(['=', '<', '>', '<=', '>=']);

/** A habit of Spider's answers: "both a and b" is the INTERSECT of two queries, where the model asked for either or for one row that is both. */
export const bothValues: RepairRule = {
  name: 'both-values',
  group: 'habits',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question, outcome }) {
    const core = tree.query.cores[0];
    if (tree.query.cores.length !== 1 || core?.kind !== 'select' || core.where === null || tree.query.ctes.length > 0)
      return Promise.resolve([]);
    if (EITHER.test(question.text) || !BOTH.test(question.text) || tree.query.orderBy !== null || tree.query.limit !== null)
      return Promise.resolve([]);
    if (core.columns.some((column) => aggregatesIn(column).length > 0)) return Promise.resolve([]);
    const empty = outcome.status === 'rows' && outcome.rows.length === 0;
    const split = splitConditions(tree, core.where.condition, empty);
    if (split === null) return Promise.resolve([]);
    const sides = split.pair.map((condition) => side(tree, core, [...split.rest, condition]));
    return Promise.resolve(
      proposal(tree, sides.join(' INTERSECT '), 'The question asks for what is true of both, so the rows must be in the answer to each.'),
    );
  },
};

function splitConditions(
  tree: SqlTree,
  condition: Expression,
  empty: boolean,
): { pair: readonly [string, string]; rest: readonly string[] } | null {
  const parts = conjuncts(condition);
  const without = (...out: Expression[]) => parts.filter((part) => !out.includes(part)).map((part) => tree.text(part));
  for (const part of parts) {
    const pair = eitherOf(tree, withoutParentheses(part));
    if (pair !== null) return { pair, rest: without(part) };
  }
  for (const [index, a] of parts.entries()) {
    for (const b of parts.slice(index + 1)) {
      if (
        a.kind !== 'binary' ||
        b.kind !== 'binary' ||
        a.left.kind !== 'column' ||
        !sameExpression(a.left, b.left) ||
        sameExpression(a.right, b.right)
      )
        continue;
      const contradictory = a.operator === '=' && b.operator === '=';
      const apart = empty && ((a.operator === '>' && b.operator === '<') || (a.operator === '<' && b.operator === '>'));
      if (contradictory || apart) return { pair: [tree.text(a), tree.text(b)], rest: without(a, b) };
    }
  }
  return null;
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

function side(tree: SqlTree, core: Select, conditions: readonly string[]): string {
  const counts = core.having !== null && aggregatesIn(core.having).some(isCount);
  const where = conditions.map((condition) => condition).join(' AND ');
  const edits = [rewriteClauses(tree, core, counts ? { where, groupBy: null, having: null } : { where })];
  if (core.distinct !== null) edits.push(replaceSpan(core.distinct, ''));
  return applyEdits(tree.source, [
    ...edits,
    replaceSpan({ start: core.end, end: tree.source.length }, ''),
    replaceSpan({ start: 0, end: core.start }, ''),
  ]).trim();
}
