import type { Catalog } from './catalog.ts';
import { bareName, fold, nameWords, stem } from './words.ts';

/** Parts of table and column names that say nothing about what is in them. */
const EMPTY_WORDS = new Set(['ref', 'tbl', 't', 'data', 'info', 'list', 'table']);
const SMALL_WORDS = new Set(['of', 'the', 'all', 'each', 'every', 'any', 'those', 'these']);
const QUOTES = new Set('"\'`‘’“”');
const NONE: ReadonlySet<string> = new Set();
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
    return words.every((word) => this.wordSet.has(word)) || this.wordSet.has(stem(bareName(name)));
  }

  /** Where the words stand one after the other. */
  places(words: readonly string[]): number[] {
    if (words.length === 0) return [];
    return this.words.flatMap((_, start) => (words.every((word, index) => this.words[start + index] === word) ? [start] : []));
  }

  /** The name is written as one word of several of the question: `fullname`, `lname` (last name), `pettype`, or one of them begins or ends it. */
  spells(name: string): boolean {
    const bare = stem(bareName(name));
    return this.words.some((word, at) => {
      if (word.length >= 3 && (bare.startsWith(word) || bare.endsWith(word))) return true;
      const next = this.words[at + 1];
      return next !== undefined && bare === `${word.charAt(0)}${next}`;
    });
  }

  /** No word of a column's name stands in the question, in whatever form. */
  saysNothingOf(column: string): boolean {
    const telling = tellingWords(column);
    const words = telling.length === 0 ? nameWords(column) : telling;
    if (words.some((word) => this.hasForm(word, NONE)) || this.spells(column)) return false;
    return !(/age$/i.test(column) && /\b(old|young)/.test(this.folded));
  }

  /** The text stands in the question between quotation marks. */
  quotes(text: string): boolean {
    const folded = fold(text);
    for (let at = this.folded.indexOf(folded); at >= 0; at = this.folded.indexOf(folded, at + 1))
      if (QUOTES.has(this.folded.charAt(at - 1)) && QUOTES.has(this.folded.charAt(at + folded.length))) return true;
    return false;
  }

  /** How many telling words of a name stand in the question, those of another name left out. */
  countMentioned(name: string, except: string): number {
    const others = new Set(nameWords(except));
    return tellingWords(name).filter((word) => word.length > 2 && !others.has(word) && this.wordSet.has(word)).length;
  }

  /** "the names of all journalists", "each journalist's name": the column's words beside the table's, with nothing but small words between. */
  asksFor(column: string, table: string): boolean {
    const wanted = nameWords(column);
    const owner = nameWords(table).filter((word) => !EMPTY_WORDS.has(word));
    if (wanted.length === 0 || owner.length === 0) return false;
    const stand = (words: readonly string[], at: number) => words.every((word, index) => this.words[at + index] === word);
    return this.words.some((_, start) => {
      if (stand(owner, start)) {
        const next = start + owner.length;
        // The s of a genitive is a word of its own here.
        return stand(wanted, next) || (this.words[next] === 's' && stand(wanted, next + 1));
      }
      if (!stand(wanted, start)) return false;
      let next = start + wanted.length;
      while (SMALL_WORDS.has(this.words[next] ?? '')) next += 1;
      return next > start + wanted.length && stand(owner, next);
    });
  }

  /** The question speaks of what is in the table, apart from words that another table's name has as well. */
  speaksOf(table: string, others: ReadonlySet<string>): boolean {
    return this.mentions(table) || tellingWords(table).some((word) => !others.has(word) && this.hasForm(word, others));
  }

  /**
   * The word stands in the question, or one that begins like it and only ends otherwise: `like` and `liked`, `visit` and `visitors`;
   * not one that is itself the name of something else.
   */
  hasForm(word: string, others: ReadonlySet<string>): boolean {
    if (this.wordSet.has(word)) return true;
    return word.length >= SHORTEST_FORM && this.words.some((spoken) => !others.has(spoken) && isForm(spoken, word));
  }

  /** At least one telling word of the name stands in the question. */
  mentionsPart(name: string): boolean {
    return tellingWords(name).some((word) => this.wordSet.has(word));
  }
}

/** Shorter words begin too many others. */
const SHORTEST_FORM = 4;
const VERB_ENDINGS = /^(e?d|ing|er|or|ment|ion|ation|e)?$/;

/** One of the two is the other with an ending that makes a verb's form or a noun of it. */
function isForm(spoken: string, word: string): boolean {
  const [short, long] = spoken.length <= word.length ? [spoken, word] : [word, spoken];
  const root = short.replace(/e$/, '');
  return root.length >= SHORTEST_FORM - 1 && long.startsWith(root) && VERB_ENDINGS.test(long.slice(root.length));
}

/** A name in the question: words from `start` up to `end`. */
export interface Named<What> {
  readonly what: What;
  readonly start: number;
  readonly end: number;
}

/** Where the question calls something by its whole name, without those places that are a part of a longer one. */
export function wholeNames<What>(
  question: Question,
  names: readonly { readonly what: What; readonly words: readonly string[] }[],
): Named<What>[] {
  const all = names.flatMap(({ what, words }) => question.places(words).map((start) => ({ what, start, end: start + words.length })));
  return all.filter(
    ({ start, end }) => !all.some((other) => other.start <= start && other.end >= end && other.end - other.start > end - start),
  );
}

/** The tables (`column` null) and columns that the question calls by their whole names; all lower-case. */
export function calledNames(question: Question, catalog: Catalog): Named<{ readonly table: string; readonly column: string | null }>[] {
  return wholeNames<{ readonly table: string; readonly column: string | null }>(
    question,
    [...catalog.tables].flatMap(([table, { name, columns }]) => [
      { what: { table, column: null }, words: nameWords(name) },
      ...[...columns].map(([column, { name: columnName }]) => ({ what: { table, column }, words: nameWords(columnName) })),
    ]),
  );
}

export function tellingWords(name: string): string[] {
  return nameWords(name).filter((word) => !EMPTY_WORDS.has(word) && !LINKING_WORDS.has(word));
}
