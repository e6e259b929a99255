import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { withoutParentheses } from './clauses.ts';
import { NEGATION } from './phrases.ts';

/** NOT IN over a query where nothing in the question says no. */
export const unaskedNegation: RepairRule = {
  name: 'unasked-negation',
  group: 'question',
  on: 'rows',
  keepsRows: true,
  propose({ tree, question }) {
    if (NEGATION.test(question.text)) return Promise.resolve([]);
    const written: Edit[] = tree.all('in').flatMap((node) => {
      if (node.not === null || node.query === null) return [];
      return [replaceSpan({ start: node.not.start, end: skipBlanks(tree.source, node.not.end) }, '')];
    });
    // `NOT x IN (…)` is the same, written in front.
    const inFront: Edit[] = tree.all('unary').flatMap((node) => {
      const inner = withoutParentheses(node.operand);
      if (node.operator !== 'NOT' || inner.kind !== 'in' || inner.query === null) return [];
      return [replaceSpan({ start: node.start, end: node.operand.start }, '')];
    });
    return Promise.resolve(
      proposal(tree, applyEdits(tree.source, [...written, ...inFront]), 'Nothing in the question says “not”, so NOT IN became IN.'),
    );
  },
};

function skipBlanks(source: string, at: number): number {
  let end = at;
  while (/\s/.test(source.charAt(end))) end += 1;
  return end;
}
