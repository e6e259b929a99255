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
  /** Cells that hold a date, whatever its format, by `yyyy-mm-dd`. */
  readonly byDate: ReadonlyMap<string, readonly Place[]>;
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
  const byDate = new Map<string, Place[]>();
  const put = (map: Map<string, Place[]>, key: string, place: Place): void => {
    const places = map.get(key);
    if (places) places.push(place);
    else map.set(key, [place]);
  };
  let longest = 1;
  for (const { table, column, values } of columns) {
    for (const value of values) {
      const parts = words(value);
      if (parts.length === 0 || parts.length > maximumWords) continue;
      longest = Math.max(longest, parts.length);
      const place = { table, column, value };
      put(byWords, parts.map(stem).join(' '), place);
      const date = cellDate(value);
      if (date !== undefined) put(byDate, date, place);
    }
  }
  return { byWords, byDate, byConsonants: byWords.size > mostForSpelling ? new Map() : consonantsOf(byWords.keys()), longest };
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
  for (const { from, to, places } of mentionedDates(question, index)) {
    const inside = [...spoken.keys()].filter((at) => (spoken[at]?.at ?? -1) >= from && (spoken[at]?.at ?? to) < to);
    for (const at of inside) taken[at] = true;
    found.push({ at: inside[0] ?? 0, places: places.slice(0, mostColumns) });
  }
  for (let length = Math.min(Math.max(index.longest, longestOtherName), spoken.length, maximumWords); length > 0; length--) {
    for (let at = 0; at + length <= spoken.length; at++) {
      if (taken.slice(at, at + length).some(Boolean)) continue;
      const first = spoken[at];
      const last = spoken[at + length - 1];
      if (!first || !last) continue;
      const phrase = question.slice(first.at, last.at + last.text.length);
      const quoted = /["'“‘`]/.test(question[first.at - 1] ?? '');
      const places =
        placesOf(stems.slice(at, at + length), folded.slice(at, at + length), phrase, index) ??
        (length === 1 && (quoted || (at > 0 && /^\p{Lu}/u.test(phrase))) ? misspelt(stems[at] ?? '', named, index) : undefined);
      if (!places) continue;
      const one: OneWord = {
        phrase,
        stemmed: stems[at] ?? '',
        folded: folded[at] ?? '',
        isFirst: at === 0,
        // The first word of a sentence has its capital from there.
        inName: [at > 1 ? spoken[at - 1] : undefined, spoken[at + 1]].some((beside) => /^\p{Lu}/u.test(beside?.text ?? '')),
        after: folded.slice(Math.max(0, at - 2), at),
      };
      const fitting = places.filter((place) => quoted || length > 1 || isMeant(one, place, named));
      if (fitting.length === 0) continue;
      taken.fill(true, at, at + length);
      found.push({ at, places: closestSpelling(phrase, fitting).slice(0, mostColumns) });
    }
  }
  found.sort((a, b) => a.at - b.at);
  return found.flatMap((one) => one.places).slice(0, most);
}

/** The cells of a phrase: its own words first; else written as one word, or under another name, or what an adjective stands for. */
function placesOf(stems: readonly string[], folded: readonly string[], phrase: string, index: ValueIndex): readonly Place[] | undefined {
  const key = stems.join(' ');
  const places = index.byWords.get(key);
  if (places) return places;
  const other = otherNames(key, phrase).find((name) => index.byWords.has(name));
  if (other !== undefined) return index.byWords.get(other);
  const letter = letterPlaces(key, index);
  if (letter) return letter;
  const [first = '', second] = folded;
  if (second !== undefined) {
    // "North Carolina" may be stored as NorthCarolina; shorter words meet by chance ("in put").
    return stems.length <= 3 && stems.every((word) => word.length > 3) ? index.byWords.get(stems.join('')) : undefined;
  }
  const country = countriesOf(first).find((name) => index.byWords.has(name));
  return country === undefined ? undefined : index.byWords.get(country);
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

/** Countries that go by several names, stemmed. */
const sameCountry = [
  ['usa', 'us', 'u s', 'u s a', 'united state', 'united state of america', 'america'],
  ['uk', 'u k', 'united kingdom', 'great britain', 'britain'],
  ['uae', 'u a e', 'united arab emirate'],
];

/** The other names of the country that a phrase names; "us" in small letters is a pronoun. */
function otherNames(key: string, phrase: string): readonly string[] {
  return /\p{Lu}/u.test(phrase) ? (sameCountry.find((names) => names.includes(key)) ?? []) : [];
}

/** "united states of america". */
const longestOtherName = 4;

/** What a column writes as one of two letters, by stemmed words. */
const letters = [
  { letter: 'f', other: 'm', words: new Set(['female', 'woman', 'women', 'girl', 'lady']) },
  { letter: 'm', other: 'f', words: new Set(['male', 'man', 'men', 'boy', 'gentleman', 'gentlemen']) },
  { letter: 'l', other: 'r', words: new Set(['left handed', 'left hander', 'left hand']) },
  { letter: 'r', other: 'l', words: new Set(['right handed', 'right hander', 'right hand']) },
];

/** Columns that write a gender as F and M, or a hand as L and R. */
function letterPlaces(key: string, index: ValueIndex): Place[] | undefined {
  const meant = letters.find((one) => one.words.has(key));
  if (!meant) return undefined;
  const others = index.byWords.get(meant.other) ?? [];
  return index.byWords.get(meant.letter)?.filter((place) => others.some((one) => one.table === place.table && one.column === place.column));
}

/** A word of the question that is a cell, and how it stands there. */
interface OneWord {
  readonly phrase: string;
  readonly stemmed: string;
  readonly folded: string;
  readonly isFirst: boolean;
  /** Beside another capital letter, as in "Nancy Edwards". */
  readonly inName: boolean;
  /** The two words before it. */
  readonly after: readonly string[];
}

function isMeant({ phrase, stemmed, folded, isFirst, inName, after }: OneWord, place: Place, named: ReadonlySet<string>): boolean {
  // A number is written into the SQL as it stands in the question, and years would link everywhere: only one that reads like a code
  // shows that the column holds text.
  if (/^\d+$/.test(folded)) return place.value === phrase && (phrase.length >= 5 || /^0\d/.test(phrase));
  const sameCase = phrase === place.value && /\p{Lu}/u.test(phrase) && !isFirst;
  const cell = words(place.value).join('');
  // "Nancy Edwards" is not about Edward: a name is not in the plural.
  if (inName && /^\p{Lu}/u.test(phrase) && stemmed !== folded && cell !== folded && stem(cell) === stemmed) return false;
  if (folded.length === 1 && folded !== 'a' && isAfterItsColumn(place, after)) return true;
  if (grammar.has(folded) || named.has(stemmed)) return sameCase;
  return folded.length > 2 || sameCase;
}

/** "section h", "the section named h". */
function isAfterItsColumn(place: Place, after: readonly string[]): boolean {
  const own = new Set(`${place.table}_${place.column}`.split('_').flatMap(words).map(stem));
  const [earlier = '', last = ''] = after.slice(-2);
  return own.has(stem(last)) || (/^(?:named|called|is|name)$/.test(last) && own.has(stem(earlier)));
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const month = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?';
const day = '(\\d{1,2})(?:st|nd|rd|th)?';
/** How dates are written, each with the order of its parts. Of 3/4/2010 either reading is tried: only one that is a cell counts. */
const dateForms: readonly (readonly [RegExp, string])[] = [
  [/(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)/g, 'ymd'],
  [/(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)/g, 'mdy'],
  [/(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)/g, 'dmy'],
  [new RegExp(`\\b${month}\\s+${day},?\\s+(\\d{4})(?!\\d)`, 'gi'), 'mdy'],
  [new RegExp(`(?<!\\d)${day}[\\s-]+(?:of\\s+)?${month},?[\\s-]+(\\d{4}|\\d{2})(?!\\d)`, 'gi'), 'dmy'],
];

interface Mention {
  readonly from: number;
  readonly to: number;
  /** `yyyy-mm-dd`. */
  readonly date: string;
}

function datesIn(text: string): Mention[] {
  return dateForms.flatMap(([form, order]) =>
    [...text.matchAll(form)].flatMap((match) => {
      const part = (name: string): string => match[order.indexOf(name) + 1] ?? '';
      const named = monthNames.indexOf(part('m').slice(0, 3).toLowerCase()) + 1;
      const [m, d] = [named || Number(part('m')), Number(part('d'))];
      if (m < 1 || m > 12 || d < 1 || d > 31) return [];
      // Two digits of a year as strptime reads them: 69 to 99 are of the last century.
      const short = Number(part('y'));
      const year = part('y').length === 4 ? part('y') : String(short < 69 ? 2000 + short : 1900 + short);
      const date = `${year}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
      return [{ from: match.index, to: match.index + match[0].length, date }];
    }),
  );
}

const datelike = new RegExp(`^\\d{1,4}[-/.]\\d{1,2}[-/.]\\d|^\\d{0,2}\\D{0,6}(?:${monthNames.join('|')})`, 'i');

/** The date that a cell begins with (a time of day may follow), where there is no doubt which. */
function cellDate(value: string): string | undefined {
  // Most cells are no dates, and a million have to be looked at.
  if (value.length < 8 || value.length > 32 || !datelike.test(value)) return undefined;
  const dates = new Set(datesIn(value).flatMap((mention) => (mention.from === 0 ? [mention.date] : [])));
  return dates.size === 1 ? [...dates][0] : undefined;
}

/** The dates that a question mentions and some cell holds. */
function mentionedDates(question: string, index: ValueIndex): { from: number; to: number; places: readonly Place[] }[] {
  if (index.byDate.size === 0) return [];
  const mentions: { from: number; to: number; places: readonly Place[] }[] = [];
  for (const { from, to, date } of datesIn(question)) {
    const places = index.byDate.get(date);
    if (places && !mentions.some((mention) => mention.from === from)) mentions.push({ from, to, places });
  }
  return mentions;
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
