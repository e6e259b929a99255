/** What Python's `str.split()`, `\s` and `str.isspace()` take for white space; JavaScript's `\s` lacks U+001C-U+001F and U+0085 and has U+FEFF. */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

type Rewrite = readonly [pattern: RegExp, replacement: string];

const STARTING_QUOTES: readonly Rewrite[] = [
  [/([«“‘„]|`+)/gu, ' $1 '],
  [/^"/gu, '``'],
  [/(``)/gu, ' $1 '],
  [/([ ([{<])("|'{2})/gu, '$1 `` '],
  [/(?<![\p{L}\p{N}_])(')(?!(?:re|ve|ll|m|t|s|d|n)(?![\p{L}\p{N}_]))(?=[\p{L}\p{N}_])/giu, '$1 '],
];

const PUNCTUATION: readonly Rewrite[] = [
  [new RegExp(`([^.])(\\.)([\\])}>"' »”’]*)${SPACE}*$`, 'gu'), '$1 $2 $3 '],
  [/([:,])(\P{Nd})/gu, ' $1 $2'],
  [/([:,])\n?$/gu, ' $1 '],
  [/\.{2,}/gu, ' $& '],
  [/[;@#$%&]/gu, ' $& '],
  [/[‒-―]/gu, ' $& '],
  [new RegExp(`([^.])(\\.)([\\])}>"']*)${SPACE}*$`, 'gu'), '$1 $2$3 '],
  [/[?!]/gu, ' $& '],
  [/([^'])' /gu, "$1 ' "],
  [/[*]/gu, ' $& '],
  [/[\][(){}<>]/gu, ' $& '],
  [/--/gu, ' -- '],
];

const ENDING_QUOTES: readonly Rewrite[] = [
  [/([»”’])/gu, ' $1 '],
  [/''/gu, " '' "],
  [/"/gu, " '' "],
  [new RegExp(`${SPACE}+`, 'gu'), ' '],
  [/([^' ])('[sS]|'[mM]|'[dD]|') /gu, '$1 $2 '],
  [/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /gu, '$1 $2 '],
  // Contractions: a column called `cannot` or `gimme` really is torn apart by the official evaluator.
  [/(?<![\p{L}\p{N}_])(can)(not)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(d)('ye)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(gim)(me)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(gon)(na)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(got)(ta)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(lem)(me)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(more)('n)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/(?<![\p{L}\p{N}_])(wan)(na)(?=\s)/giu, ' $1 $2 '],
  [/ ('t)(is)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
  [/ ('t)(was)(?![\p{L}\p{N}_])/giu, ' $1 $2 '],
];

/**
 * The English word tokenizer of NLTK (`word_tokenize`, the improved Treebank tokenizer), which Spider's official parser runs over SQL.
 * Its rules for prose are what make the parser reject `1,2`, `a=b`, `x>=5` and names in backticks, hence they belong to the metric.
 *
 * NLTK splits sentences first (Punkt). Inside SQL, whose string literals are out of the way by then, a sentence can only end in
 * `.`, `?` or `!` outside a literal. `?` and `!` become tokens of their own either way, and a stray full stop before white space or `*`
 * makes the parser fail with or without the split (`t1.` and `t1` `.` are both no column), so the split is left out.
 */
export function wordTokenize(text: string): string[] {
  let rewritten = text;
  for (const [pattern, replacement] of [...STARTING_QUOTES, ...PUNCTUATION]) rewritten = rewritten.replace(pattern, replacement);
  rewritten = ` ${rewritten} `;
  for (const [pattern, replacement] of ENDING_QUOTES) rewritten = rewritten.replace(pattern, replacement);
  return splitWhiteSpace(rewritten);
}

const SPACES = new RegExp(`${SPACE}+`, 'u');

/** Python's `str.split()`. */
export function splitWhiteSpace(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '');
}
