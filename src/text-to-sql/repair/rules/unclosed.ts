import { tokenize } from '../../sql/tokenize.ts';
import { textRule } from '../rule.ts';

/** Brackets that the model opened and forgot, or had no room, to close. */
export const unclosed = textRule({
  name: 'unclosed',
  reason: 'A bracket was not closed, so it was closed at the end.',
  rewrite: closeBrackets,
});

function closeBrackets(source: string): string {
  const tokens = tokenize(source);
  if (!tokens.ok) return source;
  let open = 0;
  for (const { type, value } of tokens.value) {
    if (type !== 'operator') continue;
    if (value === '(') open += 1;
    // One too many cannot be mended by adding.
    else if (value === ')' && --open < 0) return source;
  }
  return open === 0 ? source : source.replace(/[\s;]*$/, ')'.repeat(open));
}
