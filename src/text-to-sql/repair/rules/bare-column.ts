import { applyEdits } from '../../sql/patch.ts';
import type { Scope } from '../../sql/scopes.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { aggregatesIn, isExtreme } from './aggregates.ts';
import { rewriteClauses, selectRule } from './clauses.ts';
import { EACH } from './phrases.ts';

/** `SELECT name, sum(sales)` of all rows: any one name beside the sum of them all, where the sum for each name is meant. */
export const bareColumn = selectRule({ name: 'bare-column', group: 'question', keepsRows: true, propose });

function propose({ tree, question }: Situation, scope: Scope): readonly Proposal[] {
  const { select } = scope;
  if (select.groupBy !== null || select.having !== null || select.from === null || tree.query.limit !== null) return [];
  const figures = select.columns.flatMap(aggregatesIn);
  const shown = select.columns.filter((column) => aggregatesIn(column).length === 0);
  // The least or the greatest shows the other columns of its row, unless it is asked for each.
  if (figures.length === 0 || (figures.some(isExtreme) && !EACH.test(question.text))) return [];
  if (shown.length === 0 || shown.some(({ expression }) => expression?.kind !== 'column')) return [];
  const by = shown.map((column) => tree.text(column)).join(', ');
  return proposal(
    tree,
    applyEdits(tree.source, [rewriteClauses(tree, select, { groupBy: by })]),
    `Beside a figure of all rows “${by}” would be that of any one row, so the figure is made for each.`,
  );
}
