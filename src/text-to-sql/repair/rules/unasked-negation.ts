import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { NEGATION } from './phrases.ts';

/** NOT IN over a query where nothing in the question says no. */
export const unaskedNegation: RepairRule = {
  name: 'unasked-negation',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    if (NEGATION.test(question.text)) return Promise.resolve([]);
    const edits: Edit[] = tree.all('in').flatMap((node) => (node.not !== null && node.query !== null ? [replaceSpan(node.not, '')] : []));
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits).replaceAll(/ {2,}IN\b/g, ' IN'), 'Nothing in the question says “not”, so NOT IN became IN.'));
  },
};
