import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import type { Scope } from '../../sql/scopes.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { isCount } from './aggregates.ts';
import { selectRule } from './clauses.ts';

const ASKS_LIST = /\b(what are|what were|which|list|show|give|name|find|return)\b/i;
const ASKS_NUMBER = /\b(many|much|number|numbers|count|counts|amount|total|times|often|quantity|size)\b/i;

/** "What are the different countries …" answered with how many there are. */
export const listedNotCounted = selectRule({ name: 'listed-not-counted', group: 'question', keepsRows: true, propose });

function propose({ tree, question }: Situation, scope: Scope): readonly Proposal[] {
  const { select } = scope;
  const [column, second] = select.columns;
  const count = column?.expression ?? null;
  if (column === undefined || second !== undefined || count?.kind !== 'call' || !isCount(count) || count.distinct === null) return [];
  if (select.groupBy !== null || select.having !== null || !ASKS_LIST.test(question.text) || ASKS_NUMBER.test(question.text)) return [];
  const [counted] = count.arguments;
  if (counted === undefined) return [];
  return proposal(
    tree,
    applyEdits(tree.source, [replaceSpan(column, `DISTINCT ${tree.text(counted)}`)]),
    'The question asks which, not how many.',
  );
}
