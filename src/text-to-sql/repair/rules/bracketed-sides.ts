import { closingBracket, isOperator, isWord, nextOutside } from '../../sql/brackets.ts';
import { applyEdits, insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import { tokenize } from '../../sql/tokenize.ts';
import { textRule } from '../rule.ts';

/** `SELECT … UNION (SELECT …)`: SQLite takes no brackets around a side of a set operation. */
export const bracketedSides = textRule({
  name: 'bracketed-sides',
  reason: 'SQLite takes no brackets around one side of UNION, INTERSECT or EXCEPT, so they were left out.',
  rewrite: withoutBrackets,
});

const SET_OPERATORS = ['UNION', 'INTERSECT', 'EXCEPT'] as const;

function withoutBrackets(source: string): string {
  const read = tokenize(source);
  if (!read.ok) return source;
  const tokens = read.value;
  const edits: Edit[] = [];
  tokens.forEach((open, at) => {
    if (!isOperator(open, '(') || !isWord(tokens[at + 1], 'SELECT')) return;
    const close = closingBracket(tokens, at);
    const end = close === null ? undefined : tokens[close];
    if (close === null || end === undefined) return;
    const behind = tokens[at - 1];
    const operatorBefore = isWord(behind, ...SET_OPERATORS) || (isWord(behind, 'ALL') && isWord(tokens[at - 2], 'UNION'));
    const leads = (behind === undefined || isOperator(behind, '(')) && isWord(tokens[close + 1], ...SET_OPERATORS);
    if (!operatorBefore && !leads) return;
    const ordered = nextOutside(tokens, at + 1, (token) => isWord(token, 'ORDER', 'LIMIT', ...SET_OPERATORS)) !== null;
    // What is ordered, cut or itself a set operation inside keeps its brackets, as a table.
    if (ordered) edits.push(insertAt(open.start, 'SELECT * FROM '));
    else edits.push(replaceSpan(open, ''), replaceSpan(end, ''));
  });
  return applyEdits(source, edits);
}
