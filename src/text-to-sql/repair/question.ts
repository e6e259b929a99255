import { bareName, fold, nameWords, stem } from './words.ts';

/** Parts of table and column names that say nothing about what is in them. */
const EMPTY_WORDS = new Set(['ref', 'tbl', 't', 'data', 'info', 'list', 'table']);
const LINKING_WORDS = new Set(['in', 'of', 'has']);

/** The question in the forms in which rules ask about it. */
export class Question {
  readonly text: string;
  readonly folded: string;
  /** Stems in order. */
  readonly words: readonly string[];
  readonly wordSet: ReadonlySet<string>;

  constructor(text: string) {
    this.text = text;
    this.folded = fold(text);
    this.words = (this.folded.match(/[\p{L}\p{N}]+/gu) ?? []).map(stem);
    this.wordSet = new Set(this.words);
  }

  /** Every telling word of the name stands in the question, or the name as one word does. */
  mentions(name: string): boolean {
    const words = nameWords(name).filter((word) => !EMPTY_WORDS.has(word));
    if (words.length === 0) return false;
    return words.every((word) => this.wordSet.has(word)) || this.wordSet.has(bareName(name));
  }

  /** At least one telling word of the name stands in the question. */
  mentionsPart(name: string): boolean {
    return tellingWords(name).some((word) => this.wordSet.has(word));
  }
}

export function tellingWords(name: string): string[] {
  return nameWords(name).filter((word) => !EMPTY_WORDS.has(word) && !LINKING_WORDS.has(word));
}
