import type { Catalog } from '../catalog.ts';
import { bareName, matchRatio, nameWords, similarity } from '../words.ts';

export interface NearColumn {
  /** Lower-case. */
  readonly column: string;
  /** 0 to 1. */
  readonly score: number;
}

/** Below this a column's name is another name. */
const MIN_SIMILARITY = 0.74;
/** A table's own `id` or `name`, called after the table there: as good as the name itself. */
const OWN_SCORE = 0.96;

function digitsOf(name: string): string {
  return name.replaceAll(/\D/g, '');
}

/** The two columns of a table most like a name. */
export function nearColumns(catalog: Catalog, table: string, name: string, floor = MIN_SIMILARITY): NearColumn[] {
  const found: NearColumn[] = [];
  const letters = [...bareName(name)].sort().join('');
  const owner = nameWords(table);
  const wanted = nameWords(name).join(' ');
  for (const column of catalog.tables.get(table)?.columnNames ?? []) {
    let score = similarity(name, column);
    if (name.length >= 3 && digitsOf(name) === digitsOf(column) && letters === [...bareName(column)].sort().join(''))
      score = Math.max(score, 0.9);
    const words = nameWords(column);
    if (words.length > 1 && words.filter((word) => !owner.includes(word)).join(' ') === wanted) score = Math.max(score, OWN_SCORE);
    if (score >= floor) found.push({ column, score });
  }
  return found.sort((a, b) => b.score - a.score || (a.column < b.column ? 1 : -1)).slice(0, 2);
}

/** Below this two names have nothing to do with each other. */
const MIN_LIKENESS = 0.5;

/** The column that shares most with a name that is like none: a last resort, dearer than anything else. */
export function farColumns(catalog: Catalog, table: string, name: string): NearColumn[] {
  const words = nameWords(name);
  const scored = [...(catalog.tables.get(table)?.columnNames ?? [])].map((column) => {
    const others = nameWords(column);
    const shared = words.filter((word) =>
      others.some((other) => other === word || (word.length >= 5 && other.startsWith(word.slice(0, 5)))),
    ).length;
    const byWords = words.length + others.length === 0 ? 0 : (2 * shared) / (words.length + others.length);
    return { column, score: Math.max(byWords, matchRatio(bareName(name), bareName(column))) };
  });
  return scored
    .filter(({ score }) => score >= MIN_LIKENESS)
    .sort((a, b) => b.score - a.score)
    .slice(0, 1);
}

/** `name` for `breed_name`: some of the words that were asked for. */
export function isPartOf(column: string, name: string): boolean {
  const words = nameWords(column);
  const asked = nameWords(name);
  return words.length < asked.length && words.every((word) => asked.includes(word));
}

/** `country_name` for `country`. */
export function isItsName(column: string, name: string): boolean {
  const known = nameWords(name);
  const rest = nameWords(column).filter((word) => !known.includes(word));
  return rest.length === 1 && (rest[0] === 'name' || rest[0] === 'title');
}
