import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { isNameOrTitle } from '../words.ts';
import { isAggregate } from './aggregates.ts';
import { selectRule } from './clauses.ts';

/** "For each race name", "grouped by title". */
const BY_NAME = /\b(each|every|per|by|distinct|different|unique)(\s+the)?(\s+[\w-]+){0,2}\s+(name|title)s?\b/i;

/** "How many singers are in each concert": two concerts of one name are two. */
export const groupByKey = selectRule({ name: 'group-by-key', group: 'joins', keepsRows: true, propose });

async function propose({ tree, catalog, question, unique }: Situation, scope: Scope): Promise<readonly Proposal[]> {
  const [by, second] = scope.select.groupBy?.expressions ?? [];
  if (by?.kind !== 'column' || second !== undefined || BY_NAME.test(question.text)) return [];
  if (![...scope.own()].some(isAggregate)) return [];
  const { status, source } = scope.resolve(by);
  const table = source?.table ?? null;
  const name = by.name.name.toLowerCase();
  if (status !== 'ok' || source === null || table === null || !isNameOrTitle(name)) return [];
  const [key, other] = catalog.tables.get(table)?.primary ?? [];
  if (key === undefined || other !== undefined || key === name) return [];
  const isJoinedByKey = scope
    .columns()
    .some((column) => scope.inJoin(column) && column.name.name.toLowerCase() === key && scope.resolve(column).source === source);
  if (!isJoinedByKey || (await unique(table, name))) return [];
  const edit = replaceSpan(by, `${source.label}.${quoteName(catalog.columnName(table, key))}`);
  const reason = `More than one row of “${catalog.tableName(table)}” has the same “${by.name.name}”, so the groups are made by its key.`;
  return proposal(tree, applyEdits(tree.source, [edit]), reason);
}
