import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';

/** A habit of Spider's answers: LEFT JOIN is not used, so things with nothing joined to them do not count as zero. */
export const innerJoin: RepairRule = {
  name: 'inner-join',
  group: 'habits',
  on: 'rows',
  keepsRows: false,
  propose({ tree }) {
    const edits: Edit[] = [];
    for (const scope of tree.scopes) {
      const own = [...scope.own()];
      const asksForNone = own.some(
        (node) =>
          node.kind === 'nullTest' ||
          (node.kind === 'binary' && node.operator.startsWith('IS')) ||
          (node.kind === 'binary' && node.operator === '=' && node.right.kind === 'literal' && node.right.value === '0'),
      );
      if (asksForNone) continue;
      for (const { item } of scope.sources) {
        const on = item.join?.on ?? null;
        if (item.join !== null && on !== null && /^LEFT( OUTER)? JOIN$/.test(item.join.operator))
          edits.push(replaceSpan(item.join.operatorSpan, 'JOIN'));
      }
    }
    return Promise.resolve(
      proposal(tree, applyEdits(tree.source, edits), 'Only rows with a partner are wanted, so LEFT JOIN became JOIN.'),
    );
  },
};
