import { NameIndex, type Names } from './names.ts';
import { readBeginning, type Scope } from './query-beginning.ts';

/** How many of the likeliest tokens are tried; within a word the ends of the names are tried after them. */
export const MOST_TRIES = 64;

/**
 * How much less likely (nats) a token may be that keeps every name where SQLite finds it, than the likeliest one that only names what the
 * database has. A model that wants a column of another table more than that gets it: repair, which knows the whole query, does better then.
 */
const PATIENCE = 2;

/** A token that could come next, as the answer would be with it; null where it ends the answer. */
export interface Candidate {
  readonly text: string | null;
  readonly logit: number;
}

/** Holds one answer to a query on the names of a database, a token at a time. */
export class Constraint {
  readonly #names: NameIndex;
  #scope: Scope = 'query';

  constructor(names: Names) {
    this.#names = new NameIndex(names);
  }

  /** Begins the choice of the next token after `before`. */
  next(before: string): TokenChoice {
    return new TokenChoice({
      fits: ({ text }, scope) => this.#fits(text, before, scope),
      isStrict: this.#scope === 'query',
      loosen: () => (this.#scope = 'database'),
    });
  }

  /** Words and symbols that can follow: the ends of the last word, or where it is whole what can come after it. */
  completions(text: string): readonly string[] {
    const read = (beginning: string): readonly string[] => readBeginning(beginning, this.#names, this.#scope).completions;
    const ends = read(text);
    return ends.length > 0 && !/\d$/.test(text) ? ends : read(`${text} `).map((next) => ` ${next}`);
  }

  #fits(text: string | null, before: string, scope: Scope): boolean {
    // The blank ends the last word.
    if (text === null) return readBeginning(`${before} `, this.#names, scope).beginning === 'whole';
    // A token that writes nothing never fits.
    return text !== before && readBeginning(text, this.#names, scope).beginning !== 'wrong';
  }
}

interface ChoiceRules {
  readonly fits: (candidate: Candidate, scope: Scope) => boolean;
  readonly isStrict: boolean;
  /** From now on names need only be of the database. */
  readonly loosen: () => void;
}

/** The choice of one token. It is offered candidates, the likeliest first, until it has chosen. */
export class TokenChoice {
  readonly #rules: ChoiceRules;
  #offered = 0;
  /** The likeliest that names only what the database has. */
  #first: { readonly index: number; readonly logit: number } | undefined;

  constructor(rules: ChoiceRules) {
    this.#rules = rules;
  }

  /** Returns the index of the chosen candidate among those offered, undefined for: offer another. */
  offer(candidate: Candidate): number | undefined {
    const index = this.#offered++;
    const { fits, isStrict } = this.#rules;
    if (this.#first && candidate.logit < this.#first.logit - PATIENCE) return this.settle();
    if (!fits(candidate, 'database')) return undefined;
    if (!isStrict || fits(candidate, 'query')) return index;
    this.#first ??= { index, logit: candidate.logit };
    return undefined;
  }

  /** The choice when no more is offered; undefined where nothing fits. */
  settle(): number | undefined {
    if (this.#first) this.#rules.loosen();
    return this.#first?.index;
  }
}
