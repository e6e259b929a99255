import type { Binary, Expression } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn, isAggregate } from './aggregates.ts';
import { apartIn, intersectSides } from './both-sides.ts';
import { conjuncts, rewriteClauses } from './clauses.ts';

const EITHER = /\b(or|either)\b/i;
/** What lies below the least, or above the most. */
const BEYOND: Readonly<Record<string, string>> = { '<': 'min', '>': 'max' };

/** No row came because none can: `year = 2014 AND year = 2015`, `age < (SELECT min(age) …)`. */
export const neverTrue: RepairRule = {
  name: 'never-true',
  group: 'question',
  on: 'rows',
  keepsRows: true,
  propose({ tree, question, outcome }) {
    if (outcome.status !== 'rows' || outcome.rows.length > 0) return Promise.resolve([]);
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const scope of tree.scopes) {
      if (scope.select.where === null) continue;
      const parts = conjuncts(scope.select.where.condition);
      for (const part of parts) {
        const beyond = beyondExtreme(part);
        if (beyond === null) continue;
        edits.push(replaceSpan(beyond.operatorSpan, '='));
        reasons.push(
          `Nothing is ${beyond.operator} its own ${beyond.operator === '<' ? 'minimum' : 'maximum'}, so the row that reaches it is taken.`,
        );
      }
      mendApart(tree, scope, parts, EITHER.test(question.text), edits, reasons);
    }
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits), reasons.join(' ')));
  },
};

function mendApart(tree: SqlTree, scope: Scope, parts: readonly Expression[], either: boolean, edits: Edit[], reasons: string[]): void {
  const { select, query } = scope;
  const apart = apartIn(parts);
  if (apart === null) return;
  const pair = [tree.text(apart[0]), tree.text(apart[1])] as const;
  const what = `No row has both ${pair.join(' and ')}`;
  const rest = parts.filter((part) => part !== apart[0] && part !== apart[1]).map((part) => tree.text(part));
  if (either) {
    const where = rest.length === 0 ? pair.join(' OR ') : [...rest, `(${pair.join(' OR ')})`].join(' AND ');
    edits.push(rewriteClauses(tree, select, { where }));
    reasons.push(`${what}; the question asks for either.`);
    return;
  }
  if (query.cores.length > 1 || query.orderBy !== null || query.limit !== null || query.ctes.length > 0) return;
  if (select.columns.some((column) => aggregatesIn(column).length > 0)) return;
  edits.push(replaceSpan(select, intersectSides(tree, select, pair, rest)));
  reasons.push(`${what}, so what is wanted has rows of each kind.`);
}

/** `x < (SELECT min(x) FROM t)` over all of t: nothing can be that. */
function beyondExtreme(part: Expression): Binary | null {
  if (part.kind !== 'binary' || part.left.kind !== 'column' || part.right.kind !== 'subquery') return null;
  const [inner] = part.right.query.cores;
  if (part.right.query.cores.length !== 1 || inner?.kind !== 'select' || inner.where !== null || inner.groupBy !== null) return null;
  const extreme = inner.columns[0]?.expression ?? null;
  const [argument] = extreme?.kind === 'call' && isAggregate(extreme) ? extreme.arguments : [];
  if (extreme?.kind !== 'call' || argument?.kind !== 'column') return null;
  return BEYOND[part.operator] === extreme.name.name.toLowerCase() && argument.name.name.toLowerCase() === part.left.name.name.toLowerCase()
    ? part
    : null;
}
