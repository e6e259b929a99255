import { isOperator, isWord, nextOutside } from '../../sql/brackets.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { tokenize } from '../../sql/tokenize.ts';
import { textRule } from '../rule.ts';

/** `GROUP BY x DESC` of older MySQL, which orders by x as well. */
export const groupDirection = textRule({
  name: 'group-direction',
  reason: 'GROUP BY takes no direction in SQLite; ORDER BY says the same.',
  rewrite: orderInstead,
});

function orderInstead(source: string): string {
  const read = tokenize(source);
  if (!read.ok) return source;
  const tokens = read.value;
  const edits: Edit[] = [];
  tokens.forEach((token, at) => {
    if (!isWord(token, 'GROUP') || !isWord(tokens[at + 1], 'BY')) return;
    const clauseEnd = nextOutside(
      tokens,
      at + 2,
      (next) => isWord(next, 'HAVING', 'ORDER', 'LIMIT', 'UNION', 'INTERSECT', 'EXCEPT', 'WINDOW') || next.type === 'end',
    );
    const found = nextOutside(tokens, at + 2, (next) => isWord(next, 'DESC', 'ASC'));
    const direction = found === null ? undefined : tokens[found];
    if (found === null || direction === undefined || (clauseEnd !== null && found > clauseEnd)) return;
    const after = tokens[found + 1];
    // Where it has an order of its own, or a condition comes between, the direction alone is too much.
    if (isWord(after, 'ORDER', 'HAVING')) edits.push(replaceSpan(direction, ''));
    else if (!isOperator(after, ',')) {
      const first = tokens[found - 1];
      let start = first?.start ?? direction.start;
      for (let back = found - 1; back > at + 1 && !isOperator(tokens[back], ','); back -= 1) start = tokens[back]?.start ?? start;
      edits.push(replaceSpan(direction, `ORDER BY ${source.slice(start, direction.start).trim()} ${direction.value}`));
    }
  });
  return applyEdits(source, edits);
}
