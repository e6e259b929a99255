import { failure, success, type Result } from '../../result.ts';

export type TokenType = 'word' | 'quoted' | 'string' | 'number' | 'blob' | 'parameter' | 'operator' | 'end';

export interface Token {
  readonly type: TokenType;
  /** Offsets into the source, in UTF-16 units; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  /** Words upper-cased, quoted names and strings unquoted, everything else as written. */
  readonly value: string;
}

export interface SyntaxProblem {
  /** A sentence for the person. */
  readonly message: string;
  /** Offset into the source where reading stopped. */
  readonly at: number;
}

const WORD_START = /[A-Za-z_\u0080-\uffff]/;
const WORD_PART = /[A-Za-z0-9_$\u0080-\uffff]/;
const NUMBER = /0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y;
const PARAMETER = /\?\d*|[:@#$][A-Za-z0-9_$]+(?:::[A-Za-z0-9_$]+)*/y;
const OPERATORS = [
  '->>',
  '->',
  '||',
  '<<',
  '>>',
  '<=',
  '>=',
  '==',
  '!=',
  '<>',
  '(',
  ')',
  ',',
  '.',
  ';',
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '~',
  '<',
  '>',
  '=',
];
const CLOSING: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '[': ']' };

/**
 * The tokens of one SQL text by SQLite's rules (https://sqlite.org/draft/tokenreq.html), comments and blanks left out, an 'end' token last.
 * Fails on an unclosed quote and on a character that begins no token.
 */
export function tokenize(source: string): Result<readonly Token[], SyntaxProblem> {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const char = source.charAt(at);
    if (/[\s\ufeff]/.test(char)) {
      at += 1;
      continue;
    }
    if (char === '-' && source.charAt(at + 1) === '-') {
      const line = source.indexOf('\n', at);
      at = line < 0 ? source.length : line + 1;
      continue;
    }
    if (char === '/' && source.charAt(at + 1) === '*') {
      const close = source.indexOf('*/', at + 2);
      at = close < 0 ? source.length : close + 2;
      continue;
    }
    if ((char === 'x' || char === 'X') && source.charAt(at + 1) === "'") {
      const close = source.indexOf("'", at + 2);
      if (close < 0) return failure({ message: 'A blob literal is not closed.', at });
      tokens.push({ type: 'blob', start: at, end: close + 1, value: source.slice(at, close + 1) });
      at = close + 1;
      continue;
    }
    const closing = CLOSING[char];
    if (closing !== undefined) {
      const quoted = readQuoted(source, at, closing);
      if (quoted === null) return failure({ message: `The quote ${char} is not closed.`, at });
      tokens.push({ type: char === "'" ? 'string' : 'quoted', start: at, end: quoted.end, value: quoted.value });
      at = quoted.end;
      continue;
    }
    if (WORD_START.test(char)) {
      let end = at + 1;
      while (end < source.length && WORD_PART.test(source.charAt(end))) end += 1;
      tokens.push({ type: 'word', start: at, end, value: source.slice(at, end).toUpperCase() });
      at = end;
      continue;
    }
    const number = matchAt(NUMBER, source, at);
    if (number !== null) {
      const end = at + number.length;
      if (end < source.length && WORD_PART.test(source.charAt(end)))
        return failure({ message: `“${source.slice(at, end + 1)}” is not a number.`, at });
      tokens.push({ type: 'number', start: at, end, value: number });
      at = end;
      continue;
    }
    const parameter = matchAt(PARAMETER, source, at);
    if (parameter !== null) {
      tokens.push({ type: 'parameter', start: at, end: at + parameter.length, value: parameter });
      at += parameter.length;
      continue;
    }
    const operator = OPERATORS.find((candidate) => source.startsWith(candidate, at));
    if (operator === undefined) return failure({ message: `“${char}” has no meaning in SQL here.`, at });
    tokens.push({ type: 'operator', start: at, end: at + operator.length, value: operator });
    at += operator.length;
  }
  tokens.push({ type: 'end', start: source.length, end: source.length, value: '' });
  return success(tokens);
}

function matchAt(pattern: RegExp, source: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? null;
}

function readQuoted(source: string, at: number, closing: string): { value: string; end: number } | null {
  let value = '';
  let from = at + 1;
  for (;;) {
    const close = source.indexOf(closing, from);
    if (close < 0) return null;
    value += source.slice(from, close);
    // Doubling the quote writes it once; [x] has no such escape.
    if (closing === ']' || source.charAt(close + 1) !== closing) return { value, end: close + 1 };
    value += closing;
    from = close + 2;
  }
}
