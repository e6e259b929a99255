import { replaceSpan } from '../../sql/patch.ts';
import { mendingRule } from '../rule.ts';
import { answerIn, answersOf } from './flags.ts';
import { literalTests } from './literal-tests.ts';

/** `is_official = 'Y'` where the column holds T and F: the same answer in the column's own spelling. */
export const flagSpelling = mendingRule({
  name: 'flag-spelling',
  group: 'literals',
  keepsRows: true,
  async *find(situation) {
    const { tree, catalog, holds } = situation;
    for (const { node, table, name, texts } of literalTests(tree)) {
      if (node.kind === 'like') continue;
      for (const text of texts) {
        const answer = answerIn(text.value);
        if (answer === null || (await holds(table, name, text.value)) !== false) continue;
        const stored = (await answersOf(situation, table, name))?.[answer];
        if (stored === undefined) continue;
        yield {
          edits: [replaceSpan(text.node, stored)],
          reason: `“${catalog.columnName(table, name)}” has no cell “${text.value}”; for ${answer} it holds ${stored}.`,
        };
      }
    }
  },
});
