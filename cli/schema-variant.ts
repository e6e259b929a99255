/**
 * The same database under other names and in another order, for training alone: 144 schemas are few, and a small model learns them by heart instead of
 * copying names from the prompt. A variant shuffles tables and columns, respells names (singer_id, singerid, id), and sometimes leaves tables out or adds
 * one of another database. Questions stay as they are, so a name keeps the words that a question could mean.
 */
import type { Column, Schema, Table } from '../src/database/database.ts';
import { seededRandom } from '../src/evaluation/statistics.ts';
import type { LinkedValue } from '../src/text-to-sql/link-values.ts';
import { Catalog } from '../src/text-to-sql/repair/catalog.ts';
import type { Identifier } from '../src/text-to-sql/sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../src/text-to-sql/sql/patch.ts';
import { readTree, type SqlTree } from '../src/text-to-sql/sql/tree.ts';
import { foldName, sqlName } from '../src/text-to-sql/sql-name.ts';

/** Longer first words in the field's schemas and what they are cut to. Applied both ways. */
const ABBREVIATIONS: readonly (readonly [string, string])[] = [
  ['number', 'num'],
  ['number', 'no'],
  ['description', 'desc_text'],
  ['code', 'cd'],
  ['date', 'dt'],
  ['quantity', 'qty'],
  ['amount', 'amt'],
  ['department', 'dept'],
  ['address', 'addr'],
  ['telephone', 'phone'],
  ['category', 'cat'],
  ['identifier', 'id'],
  ['organization', 'org'],
  ['employee', 'emp'],
  ['manager', 'mgr'],
  ['average', 'avg'],
  ['maximum', 'max'],
  ['minimum', 'min'],
  ['percentage', 'pct'],
  ['year', 'yr'],
  ['transaction', 'txn'],
  ['reference', 'ref'],
  ['product', 'prod'],
  ['customer', 'cust'],
  ['document', 'doc'],
  ['first', 'f'],
  ['last', 'l'],
];
const TABLE_SUFFIXES = ['info', 'data', 'list', 'records', 'details'];

/** How often each change is made, where it can be: enough that no name can be relied on, few enough that most stay as people write them. */
const CHANCE = { respell: 0.35, shuffleColumns: 0.5, leaveOut: 0.35, foreignTable: 0.25 };
/** Only schemas of more tables are thinned, and so many of them stay. */
const THIN = { from: 6, share: 0.65 };
/** A table of another database costs tokens: only small ones are lent. */
const FOREIGN_COLUMNS = 8;

export interface SchemaVariant {
  readonly schema: Schema;
  /** The query under the new names; undefined where it needs a table that is left out or names something that cannot be resolved. */
  rename(sql: string): string | undefined;
  renameValues(values: readonly LinkedValue[]): LinkedValue[];
  /** CREATE TABLE statements of the variant, to check that a renamed query still reads. */
  readonly createTables: string;
}

type Random = () => number;

/** @param lenders tables of other databases that may be shown among the own ones */
export function schemaVariant(schema: Schema, seed: number, lenders: readonly Table[]): SchemaVariant {
  const random = seededRandom(seed);
  const names = chooseNames(schema, random);
  const kept = keepTables(schema.tables, random);
  const renamed = kept.map((table) => renameTable(table, names, random));
  const lent = lenders.filter((table) => table.columns.length <= FOREIGN_COLUMNS && !names.taken.has(foldName(table.name)));
  const extra = random() < CHANCE.foreignTable ? pick(lent, random) : undefined;
  const { lookup } = new Catalog(schema);
  const shown = new Set(kept.map((table) => foldName(table.name)));
  const tables = shuffle(extra ? [...renamed, { ...extra, foreignKeys: [] }] : renamed, random);
  return {
    schema: { tables },
    rename(sql) {
      const tree = readTree(sql, lookup);
      return tree ? renameTree(tree, names, shown) : undefined;
    },
    renameValues: (values) =>
      values
        .filter((value) => shown.has(foldName(value.table)))
        .map((value) => ({ ...value, table: names.table(value.table), column: names.column(value.table, value.column) })),
    createTables: tables.map((table) => `CREATE TABLE ${sqlName(table.name)} (${table.columns.map(columnText).join(', ')});`).join('\n'),
  };
}

function columnText(column: Column): string {
  return `${sqlName(column.name)} ${/^[\w ()]*$/.test(column.type) ? column.type : ''}`;
}

interface Names {
  table(name: string): string;
  column(table: string, name: string): string;
  /** Folded new table names. */
  readonly taken: ReadonlySet<string>;
}

type Spelling = 'as it is' | 'snake' | 'joined';

function chooseNames(schema: Schema, random: Random): Names {
  const spelling = pick<Spelling>(['as it is', 'as it is', 'snake', 'joined'], random) ?? 'as it is';
  const tables = new Map<string, string>();
  const taken = new Set<string>();
  for (const table of schema.tables) {
    const changed = random() < CHANCE.respell ? respellTable(wordsOf(table.name), random) : wordsOf(table.name);
    tables.set(foldName(table.name), claim([spell(changed, table.name, spelling), foldName(table.name)], taken));
  }
  const columns = new Map<string, string>();
  for (const table of schema.tables) {
    const own = new Set<string>();
    // The originals first, so that a respelt name never takes that of a column after it.
    const reserved = new Set(table.columns.map((column) => foldName(column.name)));
    for (const column of table.columns) {
      const folded = foldName(column.name);
      const changed = random() < CHANCE.respell ? respellColumn(wordsOf(column.name), wordsOf(table.name), random) : wordsOf(column.name);
      const wanted = spell(changed, column.name, spelling);
      const free = wanted !== '' && (wanted === folded || !reserved.has(wanted));
      columns.set(`${foldName(table.name)}.${folded}`, claim(free ? [wanted, folded] : [folded], own));
    }
  }
  return {
    table: (name) => tables.get(foldName(name)) ?? name,
    column: (table, name) => columns.get(`${foldName(table)}.${foldName(name)}`) ?? name,
    taken,
  };
}

/** The first candidate that nobody has yet; the last one gets a number if need be. */
function claim(candidates: readonly string[], taken: Set<string>): string {
  const last = candidates.at(-1) ?? 'x';
  let name = candidates.find((candidate) => candidate !== '' && !taken.has(candidate));
  for (let number = 2; name === undefined; number++) if (!taken.has(`${last}_${String(number)}`)) name = `${last}_${String(number)}`;
  taken.add(name);
  return name;
}

/** `CountryCode`, `country_code` and `country code` are all [country, code]. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .split(/[\s_]+/)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== '');
}

function spell(words: readonly string[], original: string, spelling: Spelling): string {
  if (words.length === 0) return '';
  const unchanged = words.join(' ') === wordsOf(original).join(' ');
  if (spelling === 'as it is') return unchanged ? foldName(original) : words.join('_');
  return words.join(spelling === 'snake' ? '_' : '');
}

function respellTable(words: readonly string[], random: Random): string[] {
  const last = words.at(-1) ?? '';
  const ways = [
    [...words.slice(0, -1), last.endsWith('s') && !last.endsWith('ss') ? last.slice(0, -1) : `${last}s`],
    [...words, pick(TABLE_SUFFIXES, random) ?? 'info'],
    ['tbl', ...words],
    abbreviate(words, random),
  ];
  return [...(pick(ways, random) ?? words)];
}

function respellColumn(words: readonly string[], table: readonly string[], random: Random): string[] {
  const owner = (table.at(-1) ?? '').replace(/([^s])s$/, '$1');
  const ways = [abbreviate(words, random)];
  if (words.length > 1 && words[0] === owner) ways.push(words.slice(1), words.slice(1));
  else if (!words.includes(owner) && words.length < 3) ways.push([owner, ...words], [owner, ...words]);
  return [...(pick(ways, random) ?? words)];
}

function abbreviate(words: readonly string[], random: Random): string[] {
  const both = ABBREVIATIONS.flatMap(([long, short]) => [
    [long, short],
    [short, long],
  ]);
  return words.flatMap((word) => {
    const other = pick(
      both.filter(([from]) => from === word),
      random,
    )?.[1];
    return (other ?? word).split('_');
  });
}

function keepTables(tables: readonly Table[], random: Random): readonly Table[] {
  if (tables.length <= THIN.from || random() >= CHANCE.leaveOut) return tables;
  return shuffle(tables, random).slice(0, Math.ceil(tables.length * THIN.share));
}

function renameTable(table: Table, names: Names, random: Random): Table {
  const columns = table.columns.map((column) => ({ ...column, name: names.column(table.name, column.name) }));
  return {
    ...table,
    name: names.table(table.name),
    columns: random() < CHANCE.shuffleColumns ? shuffle(columns, random) : columns,
    foreignKeys: table.foreignKeys.map((key) => ({
      columns: key.columns.map((column) => names.column(table.name, column)),
      table: names.table(key.table),
      references: key.references.map((column) => names.column(key.table, column)),
    })),
  };
}

function renameTree(tree: SqlTree, names: Names, shown: ReadonlySet<string>): string | undefined {
  const edits: Edit[] = [];
  const put = (identifier: Identifier, name: string): number => edits.push(replaceSpan(identifier, sqlName(name)));
  for (const source of tree.all('tableSource')) {
    if (!shown.has(foldName(source.name.name))) return undefined;
    put(source.name, names.table(source.name.name));
  }
  for (const scope of tree.scopes)
    for (const column of scope.columns()) {
      const { status, source } = scope.resolve(column);
      if (status === 'missing' || status === 'ambiguous') return undefined;
      if (typeof source?.table !== 'string') continue;
      put(column.name, names.column(source.table, column.name.name));
      // An alias stays; a table's own name is a new one now.
      if (column.table && source.node.alias === null) put(column.table, names.table(source.table));
    }
  return applyEdits(tree.source, edits);
}

function pick<Item>(items: readonly Item[], random: Random): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

/** Fisher and Yates. */
function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const out = [...items];
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    const [a, b] = [out[at], out[other]];
    if (a !== undefined && b !== undefined) [out[at], out[other]] = [b, a];
  }
  return out;
}
