import type { Expression } from '../../sql/ast.ts';
import { replaceSpan } from '../../sql/patch.ts';
import { mendingRule } from '../rule.ts';
import { fold } from '../words.ts';

/** "Or more" belongs to a bound, not to a second condition. */
const OF_A_BOUND = /\bor (?:more|less|fewer|higher|lower|later|earlier|above|below|equal|after|before|over|under)\b/;

/** "With 8 cylinders or before 1980" answered with AND. */
export const eitherValue = mendingRule({
  name: 'either-value',
  group: 'question',
  keepsRows: true,
  *find({ tree, question }) {
    const [core, side] = tree.query.cores;
    const condition = core?.kind === 'select' && side === undefined ? core.where?.condition : undefined;
    if (condition?.kind !== 'binary' || condition.operator !== 'AND') return;
    const [first, second] = [condition.left, condition.right].map((part) => placeOf(part, question.folded));
    if (first === undefined || second === undefined || first < 0 || second <= first) return;
    const between = question.folded.slice(first, second);
    if (!/\bor\b/.test(between) || /\b(?:and|but)\b/.test(between) || OF_A_BOUND.test(between)) return;
    yield { edits: [replaceSpan(condition.operatorSpan, 'OR')], reason: 'The question says “or” between the two conditions.' };
  },
});

/** Where the question says what a column is compared with; -1 where it does not, or says it twice. */
function placeOf(part: Expression, question: string): number {
  if (part.kind !== 'binary' || part.right.kind !== 'literal') return -1;
  const value = fold(part.right.value).replaceAll(/[^\p{L}\p{N} ]/gu, '.');
  const places = value === '' ? [] : [...question.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])${value}(?![\\p{L}\\p{N}])`, 'gu'))];
  return places.length === 1 ? (places[0]?.index ?? -1) : -1;
}
