import { isOperator } from '../../sql/brackets.ts';
import { tokenize, type Token } from '../../sql/tokenize.ts';
import { textRule } from '../rule.ts';

/** What a model went on to write behind its statement: behind the semicolon, or behind a bracket that nothing opened. */
export const textAfter = textRule({
  name: 'text-after',
  reason: 'What stood behind the end of the statement was left out.',
  rewrite: cutAfter,
});

function cutAfter(source: string): string {
  const tokens = readableTokens(source);
  const last = tokens.findLastIndex((token) => token.type !== 'end' && !isOperator(token, ';'));
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isOperator(token, '(')) depth += 1;
    const closesNothing = isOperator(token, ')') && --depth < 0;
    if (at > 0 && (closesNothing || (isOperator(token, ';') && (at < last || !isRead(source, tokens)))))
      return source.slice(0, token.start).trimEnd();
  }
  return source;
}

/** False where the source goes on with what begins no token. */
function isRead(source: string, tokens: readonly Token[]): boolean {
  return tokens.at(-1)?.end === source.length;
}

/** The tokens up to the first character that begins none: what follows the end may be no SQL at all. */
function readableTokens(source: string): readonly Token[] {
  const read = tokenize(source);
  if (read.ok) return read.value;
  const before = tokenize(source.slice(0, read.error.at));
  return before.ok ? before.value : [];
}
