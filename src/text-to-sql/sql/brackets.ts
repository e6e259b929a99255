import type { Token } from './tokenize.ts';

export function isOperator(token: Token | undefined, value: string): boolean {
  return token?.type === 'operator' && token.value === value;
}

export function isWord(token: Token | undefined, ...values: readonly string[]): boolean {
  return token?.type === 'word' && values.includes(token.value);
}

/** The index of the bracket that closes the one at `open`; null where none does. */
export function closingBracket(tokens: readonly Token[], open: number): number | null {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (isOperator(tokens[at], '(')) depth += 1;
    else if (isOperator(tokens[at], ')') && --depth === 0) return at;
  }
  return null;
}

/** The index of the first token from `from` on that stands outside of brackets opened since and fits; null where none does before those around it close. */
export function nextOutside(tokens: readonly Token[], from: number, fits: (token: Token) => boolean): number | null {
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined) return null;
    if (depth === 0 && fits(token)) return at;
    if (isOperator(token, '(')) depth += 1;
    else if (isOperator(token, ')') && --depth < 0) return null;
  }
  return null;
}
