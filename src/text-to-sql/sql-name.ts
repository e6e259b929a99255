/** SQLite's reserved words that cannot stand unquoted as a column or table name (sqlite.org/lang_keywords.html, the ones without a fallback to ID). */
const reserved = new Set(
  (
    'add all alter and as autoincrement between case check collate commit constraint create cross default deferrable delete distinct drop ' +
    'else escape except exists foreign from full group having if in index inner insert intersect into is isnull join left limit natural not ' +
    'notnull null on or order outer primary references returning right select set table then to transaction union unique update using values ' +
    'when where'
  ).split(' '),
);

/** ASCII letters in lower case, as SQLite itself folds names: other letters stay, since SQLite tells them apart. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** True where SQLite reads the name without quotes. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*$/.test(name) && !reserved.has(name.toLowerCase());
}

/** The name as it can stand in SQL: in double quotes where it has to be. */
export function sqlName(name: string): string {
  return isPlainName(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** A string as a SQL literal. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
