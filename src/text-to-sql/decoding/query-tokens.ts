/** A token of a query that is still being written. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'symbol' | 'end';
  /** As written; quotes of names and texts taken off. */
  readonly value: string;
  /** True for the last token where what is written next may still belong to it. */
  readonly open: boolean;
}

const PATTERN =
  /\s+|'((?:[^']|'')*)('?)|"((?:[^"]|"")*)("?)|(\d+(?:\.\d*)?|\.\d+)|([A-Za-z_\u0080-\ufffc][\w$\u0080-\ufffc]*)|(<>|!=|>=|<=|==|\|\||[-+*/%=<>(),.!|])/gy;

/** The tokens of the beginning of a query, with an `end` last; undefined where a character begins none. A literal may be cut off. */
export function readTokens(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(text);
    if (!match) return undefined;
    at = PATTERN.lastIndex;
    const isLast = at === text.length;
    const [, literal, closeLiteral, name, closeName, number, word, symbol] = match;
    if (literal !== undefined) tokens.push({ kind: 'text', value: literal, open: closeLiteral === '' });
    else if (name !== undefined) tokens.push({ kind: 'quoted', value: name.replaceAll('""', '"'), open: closeName === '' });
    else if (number !== undefined) {
      if (/^[\w\u0080-\ufffc]/.test(text.slice(at, at + 1))) return undefined;
      tokens.push({ kind: 'number', value: number, open: isLast });
    } else if (word !== undefined) tokens.push({ kind: 'word', value: word, open: isLast });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', value: symbol, open: isLast });
  }
  tokens.push({ kind: 'end', value: '', open: true });
  return tokens;
}
