import { applyEdits, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { quoteString } from '../../sql-name.ts';
import { proposal, type RepairRule, type Situation } from '../rule.ts';
import { nameWords } from '../words.ts';
import { rewriteClauses } from './clauses.ts';
import { NEGATION } from './phrases.ts';

/** What columns hold for yes and no, lower-case. */
const ANSWERS: readonly (readonly [yes: string, no: string])[] = [
  ['t', 'f'],
  ['y', 'n'],
  ['yes', 'no'],
  ['true', 'false'],
  ['1', '0'],
];

/** "Official languages" where a column `is_official` says which those are and the query does not ask it. */
export const askedFlag: RepairRule = {
  name: 'asked-flag',
  group: 'question',
  on: 'rows',
  keepsRows: true,
  async propose(situation) {
    const { tree, question, catalog } = situation;
    // "Not official" may be said of anything in the question.
    if (NEGATION.test(question.text)) return [];
    const used = new Set(tree.all('column').map((column) => column.name.name.toLowerCase()));
    const edits: Edit[] = [];
    const reasons: string[] = [];
    for (const { select, sources } of tree.scopes) {
      const conditions: string[] = [];
      for (const { table, label } of select.from === null ? [] : sources) {
        // Of two rows of one table, which is meant?
        if (table === null || sources.filter((other) => other.table === table).length > 1) continue;
        for (const [column, { name }] of catalog.tables.get(table)?.columns ?? []) {
          const [first, ...words] = nameWords(name);
          if (first !== 'is' || words.length === 0 || used.has(column) || !words.every((word) => question.wordSet.has(word))) continue;
          const yes = await answerFor(situation, table, column);
          if (yes === null) continue;
          conditions.push(`${sources.length > 1 ? `${label}.` : ''}${quoteName(name)} = ${yes}`);
          reasons.push(`The question asks for those that are ${words.join(' ')}, which “${name}” says.`);
        }
      }
      if (conditions.length === 0) continue;
      const before = select.where?.condition ?? null;
      const isEither = before?.kind === 'binary' && before.operator === 'OR';
      const kept = before === null ? [] : [isEither ? `(${tree.text(before)})` : tree.text(before)];
      edits.push(rewriteClauses(tree, select, { where: [...kept, ...conditions].join(' AND ') }));
    }
    return proposal(tree, applyEdits(tree.source, edits), reasons.join(' '));
  },
};

/** What the column holds for yes, as SQL; null where it holds anything but a yes and a no. */
async function answerFor({ run, catalog }: Situation, table: string, column: string): Promise<string | null> {
  const name = quoteName(catalog.columnName(table, column));
  const outcome = await run(`SELECT DISTINCT ${name} FROM ${quoteName(catalog.tableName(table))} WHERE ${name} IS NOT NULL LIMIT 3`);
  if (outcome.status !== 'rows' || outcome.rows.length !== 2) return null;
  const values = outcome.rows.map(([value]) => value);
  const folded = values.map((value) => String(value).toLowerCase());
  const answers = ANSWERS.find((pair) => pair.every((answer) => folded.includes(answer)));
  const yes = answers === undefined ? undefined : values[folded.indexOf(answers[0])];
  return yes === undefined ? null : typeof yes === 'string' ? quoteString(yes) : String(yes);
}
