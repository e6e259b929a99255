import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { answerIn, answersOf } from './flags.ts';
import { literalTests } from './literal-tests.ts';

/** `is_official = 'Y'` where the column holds T and F: the same answer in the column's own spelling. */
export const flagSpelling: RepairRule = {
  name: 'flag-spelling',
  group: 'literals',
  on: 'rows',
  keepsRows: true,
  async propose(situation) {
    const { tree, catalog, holds } = situation;
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const { node, table, name, texts } of literalTests(tree)) {
      if (node.kind === 'like') continue;
      for (const text of texts) {
        const answer = answerIn(text.value);
        if (answer === null || (await holds(table, name, text.value)) !== false) continue;
        const stored = (await answersOf(situation, table, name))?.[answer];
        if (stored === undefined) continue;
        edits.push(replaceSpan(text.node, stored));
        reasons.push(`“${catalog.columnName(table, name)}” has no cell “${text.value}”; for ${answer} it holds ${stored}.`);
      }
    }
    return proposal(tree, applyEdits(tree.source, edits), reasons.join(' '));
  },
};
