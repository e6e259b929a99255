import { NameIndex, type Names } from './names.ts';
import type { Scope } from './names-in-place.ts';
import { readBeginning } from './query-beginning.ts';

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

export interface ConstraintOptions {
  /** For an answer that nothing will put right: held to the scope `strict`, however much likelier a token is that is not in it. */
  readonly strict?: boolean | undefined;
}

/** Holds one answer to a query on the names of a database, a token at a time. */
export class Constraint {
  readonly #names: NameIndex;
  #scope: Scope;
  #overruled = 0;
  /** What the answer has to become first: a name that cannot stand there was wanted, and this stands in for it. */
  #due = '';

  constructor(names: Names, { strict = false }: ConstraintOptions = {}) {
    this.#names = new NameIndex(names);
    this.#scope = strict ? 'strict' : 'query';
  }

  /** How many tokens would have been others if it were not strict. */
  get overruled(): number {
    return this.#overruled;
  }

  /** Begins the choice of the next token after `before`. */
  next(before: string): TokenChoice {
    const due = this.#isDue(before) ? this.#due : undefined;
    return new TokenChoice({
      fits: ({ text }, scope) =>
        due === undefined ? this.#fits(text, before, scope) : text !== null && text !== before && due.startsWith(text),
      scope: this.#scope,
      loosen: () => (this.#scope = 'database'),
      overrule: () => (this.#overruled += 1),
      standIn: (text) => this.#standIn(text, before),
    });
  }

  /** Words and symbols that can follow: the ends of the last word, or where it is whole what can come after it. */
  completions(text: string): readonly string[] {
    if (this.#isDue(text)) return [this.#due.slice(text.length)];
    const read = (beginning: string): readonly string[] => readBeginning(beginning, this.#names, this.#scope).completions;
    const ends = read(text);
    const found = ends.length > 0 && !/\d$/.test(text) ? ends : read(`${text} `).map((next) => ` ${next}`);
    if (found.length > 0 || this.#scope === 'database') return found;
    // Its tables lack what the SELECT list names, and no other can be joined.
    this.#scope = 'database';
    return this.completions(text);
  }

  #isDue(before: string): boolean {
    return this.#due.length > before.length && this.#due.startsWith(before);
  }

  /** The answer with what stands in for the name that the text ends in, if there is one such. */
  #standIn(text: string, before: string): string | undefined {
    const start = text.length - lastWord(text).length;
    const { standIn } = readBeginning(text, this.#names, 'strict');
    // What is written of the word stays.
    if (standIn?.startsWith(before.slice(start)) !== true) return undefined;
    this.#due = text.slice(0, start) + standIn;
    return this.#due;
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
  /** How closely names are held to where it can be. */
  readonly scope: Scope;
  /** From now on names need only be of the database. */
  readonly loosen: () => void;
  /** Told once of a choice that patience would have ended with another token. */
  readonly overrule: () => void;
  /** The answer with what can stand for the name that the text ends in; what follows is held to it. */
  readonly standIn: (text: string) => string | undefined;
}

/** What is written of the word at the end. */
function lastWord(text: string): string {
  return /[\w$\u0080-\ufffc]*$/.exec(text)?.[0] ?? '';
}

/** The choice of one token. It is offered candidates, the likeliest first, until it has chosen. */
export class TokenChoice {
  readonly #rules: ChoiceRules;
  #offered = 0;
  /** The likeliest that names only what the database has. */
  #first: { readonly index: number; readonly logit: number; readonly text: string | null } | undefined;
  #isOverruled = false;
  /** null where nothing can stand in; undefined before it is asked for. */
  #standIn: string | null | undefined;

  constructor(rules: ChoiceRules) {
    this.#rules = rules;
  }

  /** Returns the index of the chosen candidate among those offered, undefined for: offer another. */
  offer(candidate: Candidate): number | undefined {
    const index = this.#offered++;
    const { fits, scope } = this.#rules;
    const isLate = this.#first !== undefined && candidate.logit < this.#first.logit - PATIENCE;
    const settled = isLate ? this.settle() : undefined;
    if (settled !== undefined) return settled;
    if (fits(candidate, scope)) return isLate && !this.#isMeant(candidate) ? undefined : index;
    if (scope === 'database' || !fits(candidate, 'database')) return undefined;
    if (scope === 'strict' && fits(candidate, 'query')) this.#overrule();
    this.#first ??= { index, logit: candidate.logit, text: candidate.text };
    return undefined;
  }

  /** Strictly, what is much less likely than a name that cannot stand here has to be what stands in for it, where something does. */
  #isMeant({ text }: Candidate): boolean {
    if (this.#standIn === undefined) this.#standIn = this.#rules.standIn(this.#first?.text ?? '') ?? null;
    return this.#standIn === null || (text !== null && this.#standIn.startsWith(text));
  }

  /** The choice when no more is offered; undefined where nothing fits. */
  settle(): number | undefined {
    if (!this.#first) return undefined;
    const { scope, loosen } = this.#rules;
    if (scope === 'strict') {
      this.#overrule();
      return undefined;
    }
    loosen();
    return this.#first.index;
  }

  #overrule(): void {
    if (!this.#isOverruled) this.#rules.overrule();
    this.#isOverruled = true;
  }
}
