import { walk } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn } from './aggregates.ts';

/** `x = (SELECT …)` where the query gives more than one value: SQLite silently takes the first, IN takes all. */
export const equalsMany: RepairRule = {
  name: 'equals-many',
  group: 'literals',
  on: 'rows',
  keepsRows: true,
  async propose({ tree, run }) {
    const edits: Edit[] = [];
    for (const node of tree.all('binary')) {
      if (node.operator !== '=' || node.left.kind !== 'column' || node.right.kind !== 'subquery') continue;
      const { query } = node.right;
      const core = query.cores[0];
      if (core === undefined || aggregatesIn(core).length > 0) continue;
      // An order somewhere inside says that the first value is meant.
      if ([...walk(query)].some((inner) => inner.kind === 'orderBy' || inner.kind === 'limit')) continue;
      const outcome = await run(tree.text(query));
      if (outcome.status !== 'rows' || new Set(outcome.rows.map((row) => String(row[0]))).size < 2) continue;
      edits.push(replaceSpan(node.operatorSpan, 'IN'));
    }
    return proposal(
      tree,
      applyEdits(tree.source, edits),
      'The inner query gives more than one value; = would look at the first only, IN looks at all.',
    );
  },
};
