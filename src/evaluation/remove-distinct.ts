const WORD = '[\\p{L}\\p{N}_]';

/** What the lexer of sqlparse takes as one token where the word DISTINCT or a semicolon could hide inside; the first that fits wins. */
const TOKENS: readonly (readonly [kind: 'skip' | 'name' | 'word' | 'other', pattern: RegExp])[] = [
  ['skip', /\/\*[\s\S]*?\*\//uy],
  ['skip', /(?:--|# )[^\r\n]*(?:\r\n|\r|\n|$)/uy],
  ['other', /`(?:``|[^`])*`|´(?:´´|[^´])*´/uy],
  ['other', new RegExp(`(?<!${WORD})[$:?]${WORD}+|\\\\${WORD}+|(?:@|##|#)[A-ZÀ-Üa-zà-ü]${WORD}+`, 'uy')],
  ['other', new RegExp(`%(?:\\(${WORD}+\\))?s`, 'uy')],
  // Before a dot or bracket and behind a dot there is a name, never a keyword, and `#` is no part of it.
  ['name', new RegExp(`[A-ZÀ-Üa-zà-ü]${WORD}*(?=\\s*\\.|\\()|(?<=\\.)[A-ZÀ-Üa-zà-ü]${WORD}*`, 'uy')],
  ['other', /'(?:''|\\'|[^'])*'/uy],
  ['other', /"(?:""|\\"|[^"])*"|""|".*?[^\\]"/uy],
  ['other', new RegExp(`(?<!${WORD}|[\\])])\\[[^\\]\\[]+\\]`, 'uy')],
  ['word', new RegExp(`${WORD}(?:[$#]|${WORD})*`, 'uy')],
  ['other', /[\s\S]/uy],
];

/**
 * The first statement without the keyword DISTINCT wherever it stands (`remove_distinct` of taoyds/test-suite-sql-eval, which reads SQL by the
 * Python package sqlparse). Spaces around it stay. DISTINCT inside a literal, a comment or a quoted name stays too. What comes after the
 * first semicolon outside brackets is dropped: two statements, an error otherwise, are scored by the first.
 */
export function removeDistinct(sql: string): string {
  let result = '';
  let depth = 0;
  for (let at = 0; at < sql.length;) {
    const [kind, text] = readToken(sql, at);
    at += text.length;
    if ((kind !== 'word' && kind !== 'name') || text.toUpperCase() !== 'DISTINCT') result += text;
    if (text === '(') depth += 1;
    else if (text === ')' || (kind === 'word' && text.toUpperCase() === 'END')) depth -= 1;
    // GO separates batches in another dialect; sqlparse knows it in capitals only.
    else if ((text === ';' && depth <= 0) || (kind === 'word' && text === 'GO')) return result;
  }
  return result;
}

function readToken(sql: string, at: number): readonly [kind: string, text: string] {
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const found = pattern.exec(sql);
    if (found !== null) return [kind, found[0]];
  }
  return ['other', sql.slice(at, at + 1)];
}
