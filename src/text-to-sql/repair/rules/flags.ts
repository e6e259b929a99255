import { quoteName } from '../../sql/print.ts';
import { quoteString } from '../../sql-name.ts';
import type { Situation } from '../rule.ts';
import { nameWords } from '../words.ts';

/** What columns hold for yes and no, lower-case. */
const ANSWERS: readonly (readonly [yes: string, no: string])[] = [
  ['t', 'f'],
  ['y', 'n'],
  ['yes', 'no'],
  ['true', 'false'],
  ['1', '0'],
];

/** Which answer a text is, in whatever spelling; null for any other text. */
export function answerIn(text: string): 'yes' | 'no' | null {
  const folded = text.toLowerCase();
  if (ANSWERS.some(([yes]) => yes === folded)) return 'yes';
  return ANSWERS.some(([, no]) => no === folded) ? 'no' : null;
}

/** What the column holds for yes and for no, as SQL; null where it holds anything but one of each. */
export async function answersOf(
  { run, catalog }: Situation,
  table: string,
  column: string,
): Promise<Readonly<Record<'yes' | 'no', string>> | null> {
  const name = quoteName(catalog.columnName(table, column));
  const outcome = await run(`SELECT DISTINCT ${name} FROM ${quoteName(catalog.tableName(table))} WHERE ${name} IS NOT NULL LIMIT 3`);
  if (outcome.status !== 'rows' || outcome.rows.length !== 2) return null;
  const written = new Map(
    outcome.rows.map(([value]) => [String(value).toLowerCase(), typeof value === 'string' ? quoteString(value) : String(value)]),
  );
  for (const [yes, no] of ANSWERS) {
    const [forYes, forNo] = [written.get(yes), written.get(no)];
    if (forYes !== undefined && forNo !== undefined) return { yes: forYes, no: forNo };
  }
  return null;
}

export interface Flag {
  /** The column as the schema spells it. */
  readonly name: string;
  /** The words of the name after `is`. */
  readonly words: readonly string[];
  /** What it holds for yes, as SQL. */
  readonly yes: string;
}

/** The table's columns `is_…` whose other words stand in the question, where the query asks none of them yet. */
export async function saidFlags(situation: Situation, table: string): Promise<Flag[]> {
  const { tree, question, catalog } = situation;
  const used = new Set(tree.all('column').map((column) => column.name.name.toLowerCase()));
  const flags: Flag[] = [];
  for (const [column, { name }] of catalog.tables.get(table)?.columns ?? []) {
    const [first, ...words] = nameWords(name);
    if (first !== 'is' || words.length === 0 || used.has(column) || !words.every((word) => question.wordSet.has(word))) continue;
    const answers = await answersOf(situation, table, column);
    if (answers !== null) flags.push({ name, words, yes: answers.yes });
  }
  return flags;
}
