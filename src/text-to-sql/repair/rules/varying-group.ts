import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { nameWords } from '../words.ts';
import { aggregatesIn } from './aggregates.ts';
import { selectRule } from './clauses.ts';

const EACH = /^(each|every|per|by)$/;

/** `SELECT language … GROUP BY country`: a group has many languages, of which any one would be shown; the rows of each language are meant. */
export const varyingGroup = selectRule({ name: 'varying-group', group: 'question', keepsRows: true, propose });

async function propose({ tree, catalog, question, run }: Situation, scope: Scope): Promise<readonly Proposal[]> {
  const [by, second] = scope.select.groupBy?.expressions ?? [];
  const plain = scope.select.columns.filter((column) => aggregatesIn(column).length === 0);
  const shown = plain[0]?.expression ?? null;
  if (by?.kind !== 'column' || second !== undefined || plain.length !== 1 || shown?.kind !== 'column') return [];
  const { source } = scope.resolve(by);
  const table = source?.table ?? null;
  const [group, name] = [by, shown].map((column) => column.name.name);
  if (table === null || scope.resolve(shown).source !== source || group === undefined || name === undefined) return [];
  if (group.toLowerCase() === name.toLowerCase() || !question.mentionsPart(name)) return [];
  const words = nameWords(group);
  if (question.words.some((word, at) => EACH.test(word) && words.includes(question.words[at + 1] ?? ''))) return [];
  const varies = `SELECT 1 FROM ${quoteName(catalog.tableName(table))} GROUP BY ${quoteName(group)} HAVING count(DISTINCT ${quoteName(name)}) > 1 LIMIT 1`;
  const outcome = await run(varies);
  if (outcome.status !== 'rows' || outcome.rows.length === 0) return [];
  return proposal(
    tree,
    applyEdits(tree.source, [replaceSpan(by, tree.text(shown))]),
    `Rows of one “${group}” have more than one “${name}”, so the groups are made by “${name}”.`,
  );
}
