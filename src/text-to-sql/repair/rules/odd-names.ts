import { applyEdits, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Catalog } from '../catalog.ts';
import { textRule } from '../rule.ts';

/** Names that SQL only takes in quotes, written without: `SELECT Home Town`, `Official_ratings_(millions)`, `18_49_rating`. */
export const oddNames = textRule({
  name: 'odd-names',
  reason: 'A name of this database only works in quotes, so it was put in quotes.',
  rewrite: quoteOddNames,
});

/** The text with quotes around such names, outside of strings, names in quotes and comments. Works on text that no parser takes. */
export function quoteOddNames(source: string, catalog: Catalog): string {
  const odd = oddNamesOf(catalog);
  if (odd.length === 0) return source;
  const byKey = new Map(odd.map((name) => [keyOf(name), name]));
  // The longest first: one name may be the beginning of another.
  const alternatives = odd.map((name) => name.split(/\s+/).map(escape).join('\\s+')).sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    `'(?:[^']|'')*'|"(?:[^"]|"")*"|\`[^\`]*\`|\\[[^\\]]*\\]|--[^\\n]*|/\\*[\\s\\S]*?\\*/|(?<![\\w$"])(${alternatives.join('|')})(?![\\w$"])`,
    'giu',
  );
  const edits: Edit[] = [];
  for (const match of source.matchAll(pattern)) {
    const name = match[1] === undefined ? undefined : byKey.get(keyOf(match[1]));
    if (name !== undefined) edits.push({ start: match.index, end: match.index + match[0].length, text: quoteName(name) });
  }
  return applyEdits(source, edits);
}

/** Names with something in them that is no part of a word; keywords, which are often keywords where they stand, are not among them. */
function oddNamesOf(catalog: Catalog): string[] {
  const names = [...catalog.tables.values()].flatMap((table) => [table.name, ...[...table.columns.values()].map((column) => column.name)]);
  return [...new Set(names)].filter((name) => /^\d|[^\p{L}\p{N}_$]/u.test(name) && /\p{L}/u.test(name));
}

function keyOf(name: string): string {
  return name.toLowerCase().replaceAll(/\s+/g, ' ');
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
