import { replaceSpan } from '../../sql/patch.ts';
import { mendingRule } from '../rule.ts';
import { speltWords } from '../words.ts';

const SMALL = ['a', 'an', 'the', 'age', 'of', 'to', 'total'];
const HIGH = 'more|greater|higher|larger|older|bigger|longer|heavier';
const LOW = 'less|fewer|lower|smaller|younger|shorter|lighter|cheaper';
const PHRASES: readonly (readonly [operator: '<' | '<=' | '>' | '>=', words: string])[] = [
  ['<=', `(?:at most|no (?:${HIGH}) than|not (?:(?:${HIGH}) than|over|above))`],
  ['>=', `(?:at least|no (?:${LOW}) than|not (?:(?:${LOW}) than|under|below))`],
  ['<', `(?:(?:${LOW}) than|under|below)`],
  ['>', `(?:(?:${HIGH}) than|over|above|exceed(?:s|ing)?)`],
];
/** Operators that look the other way. */
const OPPOSITE: Readonly<Record<string, ReadonlySet<string>>> = {
  '<': new Set(['>', '>=']),
  '<=': new Set(['>', '>=', '!=']),
  '>': new Set(['<', '<=']),
  '>=': new Set(['<', '<=', '!=']),
};
/** What is a part of a phrase itself. */
const OWN_NOT = new RegExp(`\\b(?:no|not) (?:${HIGH}|${LOW}) than`, 'g');
/** "Do not have more than 3" turns what comes after it round. */
const TURNED = /\b(?:not|never|no|without|neither|nor)\b|n't\b|n’t\b/;

/** "Under age 30" answered with `age > 30`. */
export const boundDirection = mendingRule({
  name: 'bound-direction',
  group: 'question',
  keepsRows: true,
  *find({ tree, question }) {
    // What an inner query or the right side of EXCEPT keeps may be what is to be left out.
    const scopes = tree.query.operators.includes('EXCEPT') ? [] : tree.scopes.filter(({ query }) => query === tree.query);
    const nodes = scopes.flatMap((scope) => [...scope.own()]);
    if (nodes.some((node) => node.kind === 'unary' && node.operator === 'NOT')) return;
    for (const node of nodes) {
      if (node.kind !== 'binary' || node.right.kind !== 'literal' || node.right.type !== 'number' || node.left.kind === 'literal') continue;
      const column = node.left.kind === 'column' ? speltWords(node.left.name.name) : [];
      // "Ranked higher than 10" is a smaller number.
      if (column.some((word) => word.startsWith('rank'))) continue;
      const said = saidOf(question.folded, node.right.value, [...SMALL, ...column]);
      if (said === null || OPPOSITE[said.operator]?.has(node.operator) !== true) continue;
      yield {
        edits: [replaceSpan(node.operatorSpan, said.operator)],
        reason: `The question says “${said.words}”, so the comparison is “${said.operator}”.`,
      };
    }
  },
});

/** What the question says of the number; null where it stands there more than once, or nothing plain is said of it. */
function saidOf(
  question: string,
  number: string,
  between: readonly string[],
): { readonly operator: string; readonly words: string } | null {
  const digits = `${number.replaceAll('.', '\\.')}(?![\\d.,]*\\d)`;
  const places = [...question.matchAll(new RegExp(`(?<![\\d.,])${digits}`, 'g'))];
  if (places.length !== 1) return null;
  for (const [operator, words] of PHRASES) {
    const match = new RegExp(`\\b${words}(?: (?:${between.join('|')}))* \\$?${digits}`).exec(question);
    if (match !== null) return TURNED.test(question.slice(0, match.index).replaceAll(OWN_NOT, '')) ? null : { operator, words: match[0] };
  }
  return null;
}
