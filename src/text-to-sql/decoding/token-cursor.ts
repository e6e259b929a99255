import { isPlainName } from '../sql-name.ts';
import type { Token } from './query-tokens.ts';

/** Thrown where the reading cannot go on: at the end of what is written, or at what does not fit. */
export const STOPPED = new Error('stopped');

/**
 * Goes through the tokens of a query's beginning for a parser, and notes at the last, where it is cut off, which of the words and symbols that the parser
 * tries there it can become. Whatever does not fit where it has to throws STOPPED.
 */
export class TokenCursor {
  /** At the end of what is written: whether something could follow there. */
  canGoOn = false;
  readonly completions = new Set<string>();
  readonly #tokens: readonly Token[];
  readonly #mostDigits: number;
  #at = 0;

  constructor(tokens: readonly Token[], { mostDigits }: { readonly mostDigits: number }) {
    this.#tokens = tokens;
    this.#mostDigits = mostDigits;
  }

  /** How many tokens are read. */
  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.peek().kind === 'end';
  }

  /** A token from here on; notes nothing. */
  look(ahead: number): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  /** The tokens read since then. */
  since(at: number): readonly Token[] {
    return this.#tokens.slice(at, this.#at);
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** The next token. Throws STOPPED behind the last. */
  peek(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw STOPPED;
    // Whatever is wanted at the end of what is written can follow.
    if (token.kind === 'end') this.canGoOn = true;
    return token;
  }

  /** The word is cut off, or there is none yet: can it become one of these? */
  noteAt({ kind, value }: Token, words: Iterable<string>): void {
    if (kind !== 'word' && kind !== 'quoted' && kind !== 'end') return;
    for (const word of words) {
      if (!word.startsWith(value)) continue;
      this.canGoOn = true;
      if (word !== value) this.completions.add(word.slice(value.length));
    }
  }

  take(keyword: string): boolean {
    const token = this.peek();
    if (token.open) this.noteAt(token, [keyword]);
    if (token.open || token.kind !== 'word' || token.value !== keyword) return false;
    this.#at += 1;
    return true;
  }

  isKeyword(keyword: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    if (token?.kind !== 'word') return token?.kind === 'end' && ahead > 0;
    if (token.open && ahead === 0) this.noteAt(token, [keyword]);
    return token.open && ahead > 0 ? keyword.startsWith(token.value) : token.value === keyword;
  }

  expect(keyword: string): void {
    if (!this.take(keyword)) throw STOPPED;
  }

  isSymbol(symbol: string): boolean {
    const token = this.peek();
    return token.kind === 'symbol' && token.value === symbol;
  }

  takeSymbol(symbol: string): boolean {
    const token = this.peek();
    if (token.kind === 'end') this.completions.add(symbol);
    if (token.kind !== 'symbol') return false;
    if (token.open && token.value !== symbol && symbol.startsWith(token.value)) this.canGoOn = true;
    if (token.value !== symbol) return false;
    this.#at += 1;
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw STOPPED;
  }

  takeKind(kind: 'number' | 'text'): boolean {
    const token = this.peek();
    if (token.kind !== kind) return false;
    if (kind === 'number' && token.value.length > this.#mostDigits) return false;
    this.#at += 1;
    if (token.open && kind === 'text') {
      this.canGoOn = true;
      throw STOPPED;
    }
    return true;
  }

  expectNumber(): void {
    if (this.isAtEnd) this.completions.add('1');
    if (!this.takeKind('number')) throw STOPPED;
  }

  expectName(names: Iterable<string>): string {
    const token = this.peek();
    // In the students' style a name stands in quotes exactly where it has to.
    const candidates = [...names].filter((name) => isPlainName(name) === (token.kind !== 'quoted'));
    if (token.open) this.noteAt(token, candidates);
    const isName = token.kind === 'word' || token.kind === 'quoted';
    if (token.open || !isName || !candidates.includes(token.value)) throw STOPPED;
    this.#at += 1;
    return token.value;
  }
}
