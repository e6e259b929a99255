import type { Schema } from '../database/database.ts';
import { foldName } from './sql-name.ts';

/** The distinct texts of one column, as the database worker gives them (capped there). */
export interface ColumnValues {
  readonly table: string;
  readonly column: string;
  readonly values: readonly string[];
}

/** A cell that the question mentions. */
export interface LinkedValue {
  readonly table: string;
  readonly column: string;
  /** The cell as it is stored. */
  readonly value: string;
}

interface Place {
  readonly table: string;
  readonly column: string;
  readonly value: string;
}

/** Cells by their folded words; built once a database. */
export interface ValueIndex {
  readonly byWords: ReadonlyMap<string, readonly Place[]>;
  /** One-word cells by their consonants, for words that the question misspells; empty beyond `mostForSpelling` cells. */
  readonly byConsonants: ReadonlyMap<string, readonly string[]>;
  /** The longest cell in words, which bounds the phrases worth looking up. */
  readonly longest: number;
}

export interface LinkValuesOptions {
  /** At most so many links in all: each costs some ten prompt tokens. */
  readonly most?: number;
  /** At most so many columns for one and the same phrase. */
  readonly mostColumns?: number;
}

const maximumWords = 8;
/** Misspelt words are looked for among at most so many cells: a larger column has a neighbour for every word. */
const mostForSpelling = 200_000;

/** Words that are cells often enough (a column of initials, of articles) but that a question uses as grammar. */
const grammar = new Set(
  (
    'a an and are as at be been by can did do does each every find for from give had has have he her his how i in is it its list many may me more most much ' +
    'my no not of on one or our out please she show so some tell than that the their them then there these they this those to two up us was we were ' +
    'what when where which while who whom whose why will with would you your all any both also between other number name names id value count total ' +
    'but per top over under first last least average maximum minimum year years year date time type code'
  ).split(' '),
);

/** Lower case without accents, everything but letters and digits a separator: the words of a text. */
export function words(text: string): string[] {
  const whole = withoutContractions(text);
  // Most cells are ASCII, where there are no accents to take off: three times as fast on a million cells.
  const plain = /^[\x20-\x7e]*$/.test(whole) ? whole : whole.normalize('NFKD').replace(/\p{M}+/gu, '');
  return plain.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Blanks the endings of "didn't" and "McDonald's", which are no words of their own; every other character keeps its place. */
function withoutContractions(text: string): string {
  if (!/['’]/.test(text)) return text;
  return text.replace(/(?<=\p{L})['’](?:s|t|re|ve|ll|m)(?!\p{L})/giu, (ending) => ' '.repeat(ending.length));
}

/** The singular of an English word by the endings that decide most cases (Porter 1980, step 1a, and -ies). */
export function stem(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && /(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith('s') && !word.endsWith('ss') && !word.endsWith('us')) return word.slice(0, -1);
  return word;
}

/** An index from the stemmed words of a cell to the places where it is stored. */
export function buildValueIndex(columns: readonly ColumnValues[]): ValueIndex {
  const byWords = new Map<string, Place[]>();
  let longest = 1;
  for (const { table, column, values } of columns) {
    for (const value of values) {
      const parts = words(value);
      if (parts.length === 0 || parts.length > maximumWords) continue;
      longest = Math.max(longest, parts.length);
      const key = parts.map(stem).join(' ');
      const places = byWords.get(key);
      if (places) places.push({ table, column, value });
      else byWords.set(key, [{ table, column, value }]);
    }
  }
  return { byWords, byConsonants: byWords.size > mostForSpelling ? new Map() : consonantsOf(byWords.keys()), longest };
}

function consonantsOf(keys: Iterable<string>): Map<string, string[]> {
  const byConsonants = new Map<string, string[]>();
  for (const key of keys) {
    if (key.length < shortestMisspelt || !/^\p{L}+$/u.test(key)) continue;
    const sound = consonants(key);
    const same = byConsonants.get(sound);
    if (same) same.push(key);
    else byConsonants.set(sound, [key]);
  }
  return byConsonants;
}

/** Shorter words have too many neighbours one letter away. */
const shortestMisspelt = 6;

/** A word without its vowels and doubled letters: what most misspellings leave alone (carribean and caribbean are both crbn). */
function consonants(word: string): string {
  return word
    .replace(/(.)\1+/g, '$1')
    .replace(/(?!^)[aeiouyh]/g, '')
    .replace(/(.)\1+/g, '$1');
}

/**
 * The cells that a question mentions, longest phrase first, in the order of the question. A phrase inside a longer linked one is not
 * linked again; a single word that is grammar, or that names a table or column, only counts where the question writes it as the
 * cell does (capital letters or quotes).
 */
export function linkValues(question: string, index: ValueIndex, schema: Schema, options: LinkValuesOptions = {}): LinkedValue[] {
  const { most = 6, mostColumns = 3 } = options;
  const spoken = [...withoutContractions(question).matchAll(/[\p{L}\p{N}\p{M}]+/gu)].map((match) => ({ text: match[0], at: match.index }));
  const folded = spoken.map((word) => words(word.text).join(''));
  const stems = folded.map(stem);
  const named = schemaWords(schema);
  const taken = new Array<boolean>(spoken.length).fill(false);
  const found: { at: number; places: Place[] }[] = [];
  for (let length = Math.min(index.longest, spoken.length, maximumWords); length > 0; length--) {
    for (let at = 0; at + length <= spoken.length; at++) {
      if (taken.slice(at, at + length).some(Boolean)) continue;
      const first = spoken[at];
      const last = spoken[at + length - 1];
      if (!first || !last) continue;
      const phrase = question.slice(first.at, last.at + last.text.length);
      const quoted = /["'“‘`]/.test(question[first.at - 1] ?? '');
      const places =
        placesOf(stems.slice(at, at + length), folded[at] ?? '', length, index) ??
        (length === 1 && (quoted || (at > 0 && /^\p{Lu}/u.test(phrase))) ? misspelt(stems[at] ?? '', named, index) : undefined);
      if (!places) continue;
      const fitting = places.filter((place) => quoted || isMeant(phrase, place, length, stems[at] ?? '', folded[at] ?? '', at, named));
      if (fitting.length === 0) continue;
      taken.fill(true, at, at + length);
      found.push({ at, places: closestSpelling(phrase, fitting).slice(0, mostColumns) });
    }
  }
  found.sort((a, b) => a.at - b.at);
  return found.flatMap((one) => one.places).slice(0, most);
}

/** The cells of a phrase: its own words first, else what a nationality or a gender stands for. */
function placesOf(stems: readonly string[], folded: string, length: number, index: ValueIndex): readonly Place[] | undefined {
  const places = index.byWords.get(stems.join(' '));
  if (places || length > 1) return places;
  const country = countriesOf(folded).find((name) => index.byWords.has(name));
  if (country !== undefined) return index.byWords.get(country);
  return genderPlaces(folded, index);
}

/** The one cell that differs from a word by a slip or two of the pen, none where several do. */
function misspelt(word: string, named: ReadonlySet<string>, index: ValueIndex): readonly Place[] | undefined {
  if (word.length < shortestMisspelt || grammar.has(word) || named.has(word)) return undefined;
  const near = (index.byConsonants.get(consonants(word)) ?? []).filter((key) => editDistance(word, key) <= 2);
  return near.length === 1 ? index.byWords.get(near[0] ?? '') : undefined;
}

/** Levenshtein distance of two short words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Nationalities whose country no rule finds. */
const irregular = new Map(
  (
    'french=france british=united kingdom english=england spanish=spain swedish=sweden danish=denmark polish=poland finnish=finland turkish=turkey ' +
    'dutch=netherland greek=greece swiss=switzerland german=germany norwegian=norway scottish=scotland irish=ireland welsh=wale portuguese=portugal ' +
    'hungarian=hungary ukrainian=ukraine brazilian=brazil canadian=canada argentinian=argentina peruvian=peru egyptian=egypt'
  )
    .split(/ (?=\w+=)/)
    .map((pair): [string, string] => {
      const [adjective = '', country = ''] = pair.split('=');
      return [adjective, country];
    }),
);

/** What the adjective of a place may stand for: Asian → asia, Italian → italy, Japanese → japan, Chinese → china. */
function countriesOf(word: string): string[] {
  const known = irregular.get(word);
  if (known !== undefined) return [known];
  const ending = /^(.{3,}?)(ian|ean|an|ese)s?$/.exec(word);
  if (!ending) return [];
  const [, root = '', suffix = ''] = ending;
  // Europe-an, Asi-an and Kore-an keep a letter of the suffix, Ital-ian and Chin-ese lose one of the root.
  const kept = suffix.slice(0, -2);
  return ['', 'a', 'y', 'o', 'e', 'ia', 'land'].flatMap((tail) => [root + tail, ...(kept === '' ? [] : [root + kept + tail])]).map(stem);
}

const genders = [
  { letter: 'f', words: new Set(['female', 'females', 'woman', 'women', 'girl', 'girls', 'lady', 'ladies']) },
  { letter: 'm', words: new Set(['male', 'males', 'man', 'men', 'boy', 'boys', 'gentleman', 'gentlemen']) },
];

/** Columns that write a gender as F and M. */
function genderPlaces(word: string, index: ValueIndex): Place[] | undefined {
  const gender = genders.find((one) => one.words.has(word));
  if (!gender) return undefined;
  const [own, other] = gender.letter === 'f' ? ['f', 'm'] : ['m', 'f'];
  const others = index.byWords.get(other) ?? [];
  return index.byWords.get(own)?.filter((place) => others.some((one) => one.table === place.table && one.column === place.column));
}

function isMeant(
  phrase: string,
  place: Place,
  length: number,
  stemmed: string,
  folded: string,
  at: number,
  named: ReadonlySet<string>,
): boolean {
  if (length > 1) return true;
  // A number is written into the SQL as it stands in the question: no link is needed, and years would link everywhere.
  if (/^\d+$/.test(folded)) return false;
  const sameCase = phrase === place.value && /\p{Lu}/u.test(phrase) && at > 0;
  // "Nancy Edwards" is not about Edward: a name is not in the plural.
  if (
    at > 0 &&
    /^\p{Lu}/u.test(phrase) &&
    stemmed !== folded &&
    words(place.value).join('') !== folded &&
    stem(words(place.value).join('')) === stemmed
  )
    return false;
  if (grammar.has(folded) || named.has(stemmed)) return sameCase;
  return folded.length > 2 || sameCase;
}

/** Where the same words are stored in several spellings, the one that the question uses; else every column's. */
function closestSpelling(phrase: string, places: readonly Place[]): Place[] {
  const exact = places.filter((place) => place.value === phrase);
  const rest = places.filter(
    (place) => place.value !== phrase && !exact.some((one) => one.table === place.table && one.column === place.column),
  );
  return [...exact, ...rest];
}

function schemaWords(schema: Schema): Set<string> {
  const all = new Set<string>();
  for (const table of schema.tables) {
    for (const name of [table.name, ...table.columns.map((column) => column.name)]) {
      const parts = words(foldName(name).replaceAll('_', ' ')).map(stem);
      for (const part of parts) all.add(part);
      all.add(parts.join(''));
    }
  }
  return all;
}
