import { replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { calledNames } from '../question.ts';
import { mendingRule } from '../rule.ts';
import { literalTests } from './literal-tests.ts';

/** "In a state whose name contains North" looked for in `city`: the one text column of the table that the question names. */
export const likeColumn = mendingRule({
  name: 'like-column',
  group: 'question',
  keepsRows: true,
  *find({ tree, catalog, question }) {
    const used = new Set(tree.all('column').map((column) => column.name.name.toLowerCase()));
    const called = calledNames(question, catalog).map(({ what }) => what);
    for (const { node, table, column } of literalTests(tree)) {
      if (node.kind !== 'like' || !question.saysNothingOf(column.name.name)) continue;
      const named = new Set(called.flatMap((what) => (what.table === table && what.column !== null ? [what.column] : [])));
      const [only, second] = [...named].filter((name) => !used.has(name) && catalog.holdsText(table, name));
      if (only === undefined || second !== undefined) continue;
      const name = catalog.columnName(table, only);
      yield {
        edits: [replaceSpan(column.name, quoteName(name))],
        reason: `The question speaks of “${name}”, not of “${column.name.name}”.`,
      };
    }
  },
});
