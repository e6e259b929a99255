import { replaceSpan } from '../../sql/patch.ts';
import { mendingRule } from '../rule.ts';
import { extremeColumn } from './aggregates.ts';
import { SUPERLATIVE } from './phrases.ts';

/** Words by which a question asks for the first or last of something without a superlative. */
const ENDS =
  /\b(last|latest|first|earliest|newest|recent\w*|peak|limit|high|low|range|until|since|ever|when|extreme\w*|minimal|maximal|upper|lower|cap)\b/i;

/** `SELECT min(ratio), country` where nobody asked for the least. */
export const unaskedExtreme = mendingRule({
  name: 'unasked-extreme',
  group: 'question',
  keepsRows: true,
  *find({ tree, question }) {
    const [core, side] = tree.query.cores;
    if (core?.kind !== 'select' || side !== undefined || core.groupBy !== null) return;
    if (SUPERLATIVE.test(question.text) || ENDS.test(question.text)) return;
    for (const { expression } of core.columns) {
      const column = extremeColumn(expression);
      if (expression === null || column === null) continue;
      yield {
        edits: [replaceSpan(expression, tree.text(column))],
        reason: `The question asks for no least or greatest “${column.name.name}”, so each is shown.`,
      };
    }
  },
});
