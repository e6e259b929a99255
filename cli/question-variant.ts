/**
 * Another question of the same kind, for training alone: a column or a text that both the question and its query name becomes another one of the same
 * table, in both ("the average age" → "the average height"). 8,563 questions are few, and a small model learns by heart which columns go with
 * which words; only by reading the question can it tell such twins apart.
 */
import type { ColumnReference } from '../src/text-to-sql/sql/ast.ts';
import type { Schema } from '../src/database/database.ts';
import { Catalog } from '../src/text-to-sql/repair/catalog.ts';
import { calledNames, Question } from '../src/text-to-sql/repair/question.ts';
import { literalTests, type LiteralTest } from '../src/text-to-sql/repair/rules/literal-tests.ts';
import { nameWords, speltWords } from '../src/text-to-sql/repair/words.ts';
import { quoteString } from '../src/text-to-sql/sql-name.ts';
import { applyEdits, replaceSpan, type Edit } from '../src/text-to-sql/sql/patch.ts';
import { quoteName } from '../src/text-to-sql/sql/print.ts';
import { readTree, type SqlTree } from '../src/text-to-sql/sql/tree.ts';

export interface QuestionVariant {
  readonly question: string;
  readonly sql: string;
}

/** Texts that a column holds, by lower-case table and column. */
export type Cells = (table: string, column: string) => readonly string[];

type Random = () => number;

/** How often a column, or a text alone, is exchanged where it can be. */
const CHANCE = { column: 0.8, text: 0.6 };
/** Longer or shorter texts are no names that a person would ask by. */
const TEXT_LENGTH = { least: 2, most: 30 };

/**
 * One such question, or undefined where nothing in it can be exchanged this time.
 *
 * @param sql in the dialect of `src/text-to-sql/sql`; names as they are in the schema, in any case
 * @param random 0 to 1: the same numbers give the same question
 */
export function questionVariant(question: string, sql: string, schema: Schema, cells: Cells, random: Random): QuestionVariant | undefined {
  const catalog = new Catalog(schema);
  const tree = readTree(sql, catalog.lookup);
  if (tree === null) return undefined;
  const uses = columnUses(tree);
  if (uses === undefined) return undefined;
  const tests = literalTests(tree);
  const asked = new Question(question);
  const spans = [...question.matchAll(/[\p{L}\p{N}]+/gu)].map((match) => ({ start: match.index, end: match.index + match[0].length }));
  // Accents and such may make other words of it.
  if (spans.length !== asked.words.length) return undefined;
  const edits = { question: [] as Edit[], sql: [] as Edit[] };
  const taken = new Set(asked.words);
  for (const { table, column, references } of uses) {
    const own = tests.filter((test) => test.table === table && test.name === column);
    const mentions = mentionsOf(asked, catalog, uses, table, column);
    const other = mentions.length > 0 && random() < CHANCE.column ? otherColumn(catalog, uses, taken, table, column, random) : undefined;
    const moved = other === undefined ? undefined : exchangeTexts(question, own, cells(table, other), random);
    // Where the texts that it is compared with are not in the question or the new column has none, they alone may be exchanged.
    const next = moved === undefined ? undefined : other;
    const swap = moved ?? (random() < CHANCE.text ? exchangeTexts(question, own, cells(table, column), random) : undefined);
    edits.question.push(...(swap?.question ?? []));
    edits.sql.push(...(swap?.sql ?? []));
    if (next === undefined) continue;
    const name = catalog.columnName(table, next);
    for (const word of nameWords(name)) taken.add(word);
    for (const { start, end } of mentions) {
      const [first, last] = [spans[start], spans[end - 1]];
      if (first === undefined || last === undefined) continue;
      const before = question.slice(last.start, last.end).toLowerCase();
      const words = speltWords(name);
      const said = before === asked.words[end - 1] ? words : [...words.slice(0, -1), plural(words.at(-1) ?? '')];
      edits.question.push(replaceSpan({ start: first.start, end: last.end }, said.join(' ')));
    }
    for (const reference of references) edits.sql.push(replaceSpan(reference.name, quoteName(name)));
  }
  const changed = { question: applyEdits(question, edits.question), sql: applyEdits(sql, edits.sql) };
  return changed.sql === sql || changed.question === question ? undefined : changed;
}

interface Use {
  readonly table: string;
  readonly column: string;
  readonly references: readonly ColumnReference[];
}

/** The columns that the query reads, by table; undefined where one of them cannot be told. */
function columnUses(tree: SqlTree): Use[] | undefined {
  const found = new Map<string, { table: string; column: string; references: ColumnReference[] }>();
  for (const scope of tree.scopes) {
    for (const reference of scope.columns()) {
      const { status, source } = scope.resolve(reference);
      if (status === 'output') continue;
      const table = source?.table ?? null;
      if ((status !== 'ok' && status !== 'outer') || table === null) return undefined;
      const column = reference.name.name.toLowerCase();
      const use = found.get(`${table}.${column}`) ?? { table, column, references: [] };
      use.references.push(reference);
      found.set(`${table}.${column}`, use);
    }
  }
  return [...found.values()];
}

/** Where the question calls the column by its whole name and can mean nothing else by it; in words. */
function mentionsOf(asked: Question, catalog: Catalog, uses: readonly Use[], table: string, column: string) {
  const words = nameWords(catalog.columnName(table, column));
  const same = (name: string) => nameWords(name).join(' ') === words.join(' ');
  if (catalog.isKey(table, column) || [...catalog.tables.values()].some(({ name }) => same(name))) return [];
  if (uses.some((use) => use.column !== column && use.table !== table && same(catalog.columnName(use.table, use.column)))) return [];
  if (uses.some((use) => use.column === column && use.table !== table)) return [];
  return calledNames(asked, catalog).filter(({ what }) => what.table === table && what.column === column);
}

/** Another column of the table, of the same kind, of which the question and the query say nothing. */
function otherColumn(catalog: Catalog, uses: readonly Use[], taken: ReadonlySet<string>, table: string, column: string, random: Random) {
  const candidates = [...(catalog.tables.get(table)?.columns ?? [])].filter(([other, { name }]) => {
    const words = nameWords(name);
    return (
      !uses.some((use) => use.table === table && use.column === other) &&
      !catalog.isKey(table, other) &&
      catalog.holdsText(table, other) === catalog.holdsText(table, column) &&
      words.length > 0 &&
      speltWords(name).every((word) => /^[a-z]{3,}$/.test(word)) &&
      !words.every((word) => taken.has(word))
    );
  });
  return candidates[Math.floor(random() * candidates.length)]?.[0];
}

/** Each text that the column is compared with, in the question and the query; undefined where one cannot be. */
function exchangeTexts(
  question: string,
  tests: readonly LiteralTest[],
  cells: readonly string[],
  random: Random,
): { readonly question: Edit[]; readonly sql: Edit[] } | undefined {
  const edits = { question: [] as Edit[], sql: [] as Edit[] };
  const fits = cells.filter(
    (cell) => cell.length >= TEXT_LENGTH.least && cell.length <= TEXT_LENGTH.most && cell.trim() === cell && !/['"%\n]/.test(cell),
  );
  for (const { node, texts } of tests) {
    for (const { node: literal, value } of texts) {
      const at = question.toLowerCase().indexOf(value.toLowerCase());
      const others = fits.filter((cell) => cell.toLowerCase() !== value.toLowerCase());
      const next = others[Math.floor(random() * others.length)];
      const whole = at >= 0 && !/[\p{L}\p{N}]/u.test(`${question.charAt(at - 1)}${question.charAt(at + value.length)}`);
      if (!whole || next === undefined || node.kind === 'like') return undefined;
      edits.question.push(replaceSpan({ start: at, end: at + value.length }, next));
      edits.sql.push(replaceSpan(literal, quoteString(next)));
    }
  }
  return edits;
}

function plural(word: string): string {
  if (word.endsWith('s')) return word;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(x|ch|sh|z)$/.test(word) ? `${word}es` : `${word}s`;
}
