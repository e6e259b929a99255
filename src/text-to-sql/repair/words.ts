/** A name without case and anything but letters and digits. */
export function bareName(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/** English plural endings taken off; enough to compare a table's name with a question's word. */
export function stem(word: string): string {
  const lower = word.toLowerCase();
  for (const [ending, replacement] of [
    ['ies', 'y'],
    ['sses', 'ss'],
    ['ches', 'ch'],
    ['shes', 'sh'],
    ['xes', 'x'],
    ['s', ''],
  ] as const) {
    if (lower.endsWith(ending) && lower.length > ending.length + 1 && !lower.endsWith('ss')) {
      return lower.slice(0, lower.length - ending.length) + replacement;
    }
  }
  return lower;
}

/** The words of a name as they are spelt, in small letters: `pet_ages`, `PetAges` and `pet ages` give the same. */
export function speltWords(name: string): string[] {
  return name
    .replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

/** The stems of a name's words. */
export function nameWords(name: string): string[] {
  return speltWords(name).map(stem);
}

/** A column by which people call a row: `name`, `show_name`, `BookTitle`. */
export function isNameOrTitle(column: string): boolean {
  return nameWords(column).some((word) => word === 'name' || word === 'title');
}

/** Text without case, accents and doubled blanks: what a person would call the same. */
export function fold(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

/** Longer texts are compared by their beginning only: nobody misspells a paragraph. */
const MAX_COMPARED = 80;

/**
 * Share of characters in matching blocks, 0 to 1 (Ratcliff and Obershelp, "Pattern matching: the gestalt approach", 1988):
 * forgiving towards letters left out, added or swapped in the middle.
 */
export function matchRatio(first: string, second: string): number {
  const a = first.slice(0, MAX_COMPARED);
  const b = second.slice(0, MAX_COMPARED);
  return a.length + b.length === 0 ? 1 : (2 * matchedLength(a, b)) / (a.length + b.length);
}

function matchedLength(a: string, b: string): number {
  if (a === '' || b === '') return 0;
  let best = 0;
  let endA = 0;
  let endB = 0;
  let previous = new Uint8Array(b.length + 1);
  for (let i = 1; i <= a.length; i += 1) {
    const current = new Uint8Array(b.length + 1);
    for (let j = 1; j <= b.length; j += 1) {
      if (a.charCodeAt(i - 1) !== b.charCodeAt(j - 1)) continue;
      const length = (previous[j - 1] ?? 0) + 1;
      current[j] = length;
      if (length > best) {
        best = length;
        endA = i;
        endB = j;
      }
    }
    previous = current;
  }
  if (best === 0) return 0;
  return best + matchedLength(a.slice(0, endA - best), b.slice(0, endB - best)) + matchedLength(a.slice(endA), b.slice(endB));
}

/**
 * How alike two names are: 1 for the same up to case and underscores, 0.97 for the same up to a plural, 0.8 to 0.95 where one is a part
 * of the other or short for it, else the match ratio less 0.1 (a part of a name is better evidence than the same letters).
 */
export function similarity(first: string, second: string): number {
  const a = bareName(first);
  const b = bareName(second);
  if (a === b) return 1;
  if (stem(a) === stem(b)) return 0.97;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  const wordsA = new Set(nameWords(first));
  const wordsB = new Set(nameWords(second));
  if (
    isProperSubset(wordsA, wordsB) ||
    isProperSubset(wordsB, wordsA) ||
    (short.length >= 3 && (long.startsWith(short) || long.endsWith(short)))
  ) {
    return 0.8 + (0.15 * short.length) / long.length;
  }
  if (leavesOutMiddle(short, long)) return 0.86;
  // Cheap upper bound first: names of very different length cannot be alike.
  if ((2 * short.length) / (short.length + long.length) < 0.5) return 0;
  return matchRatio(a, b) - 0.1;
}

/** `IndepYear` for `IndependenceYear`: a beginning and an end of the longer name. */
function leavesOutMiddle(short: string, long: string): boolean {
  if (short.length < 6) return false;
  for (let at = 3; at <= short.length - 3; at += 1) if (long.startsWith(short.slice(0, at)) && long.endsWith(short.slice(at))) return true;
  return false;
}

function isProperSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return part.size > 0 && part.size < whole.size && [...part].every((word) => whole.has(word));
}
