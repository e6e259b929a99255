import { replaceSpan } from '../../sql/patch.ts';
import { quoteString } from '../../sql-name.ts';
import { mendingRule } from '../rule.ts';
import { literalTests, storedVariant } from './literal-tests.ts';

/** A text that its column does not hold, while it holds one that differs in case, accents, a plural or a typing error. */
export const literalSpelling = mendingRule({
  name: 'literal-spelling',
  group: 'literals',
  keepsRows: true,
  async *find({ tree, question, catalog, values, holds }) {
    for (const test of literalTests(tree)) {
      if (test.node.kind === 'like') continue;
      for (const text of test.texts) {
        if ((await holds(test.table, test.name, text.value)) !== false) continue;
        const stored = storedVariant(await values(test.table, test.name), text.value, question);
        if (stored === null || stored === text.value) continue;
        yield {
          edits: [replaceSpan(text.node, quoteString(stored))],
          reason: `“${catalog.columnName(test.table, test.name)}” has no cell “${text.value}”; the cell is written “${stored}”.`,
        };
      }
    }
  },
});
