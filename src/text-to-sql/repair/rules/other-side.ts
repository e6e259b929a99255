import type { ColumnReference } from '../../sql/ast.ts';
import { applyEdits, insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { Key } from '../catalog.ts';
import { tellingWords, type Question } from '../question.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { conjuncts, selectRule } from './clauses.ts';

/** What the row at the other end is called. */
const LABEL = 'other';

/**
 * "The names of Kyle's friends" answered with Kyle, once for each friend: where a table refers to another one twice, what is shown is at the
 * other end.
 */
export const otherSide = selectRule({ name: 'other-side', group: 'joins', keepsRows: true, propose });

function propose({ tree, catalog, question }: Situation, scope: Scope): readonly Proposal[] {
  const { select } = scope;
  const [first, second, third] = scope.sources;
  if (first === undefined || second === undefined || third !== undefined || select.where === null || select.from === null) return [];
  const shown = select.columns.flatMap(({ expression }) => (expression?.kind === 'column' ? [expression] : []));
  const owners = new Set(shown.map((column) => scope.resolve(column).source));
  const [parent] = owners;
  if (parent?.table === null || parent === undefined || parent === null || owners.size !== 1 || shown.length < select.columns.length)
    return [];
  const fixed = conjuncts(select.where.condition).flatMap((part) =>
    part.kind === 'binary' && part.operator === '=' && part.left.kind === 'column' && part.right.kind === 'literal' ? [part.left] : [],
  );
  const isFixed = ({ name }: ColumnReference) =>
    fixed.some((other) => other.name.name.toLowerCase() === name.name.toLowerCase() && scope.resolve(other).source === parent);
  if (!shown.every(isFixed)) return [];
  const link = parent === first ? second : first;
  const keys = catalog.declared.filter(({ table, toTable }) => table === link.table && toTable === parent.table);
  const links = scope.columns().filter((column) => scope.resolve(column).source === link);
  const isUsed = (key: Key) => links.some((column) => column.name.name.toLowerCase() === key.column);
  const [near, far] = [keys.filter(isUsed), keys.filter((key) => !isUsed(key))];
  const [taken, free] = [near[0], far[0]];
  if (keys.length !== 2 || taken === undefined || free === undefined || scope.source(LABEL) !== null) return [];
  const edits: Edit[] = shown.map((column) => replaceSpan(column, `${LABEL}.${tree.text(column.name)}`));
  // "Kyle's friends" are at the end that is called `friend_id`.
  const swapped = isSaid(question, taken) && !isSaid(question, free);
  if (swapped)
    for (const column of links)
      if (column.name.name.toLowerCase() === taken.column)
        edits.push(replaceSpan(column.name, quoteName(catalog.columnName(free.table, free.column))));
  const end = swapped ? taken : free;
  const on = `${link.label}.${quoteName(catalog.columnName(end.table, end.column))} = ${LABEL}.${quoteName(catalog.columnName(end.toTable, end.toColumn))}`;
  edits.push(insertAt(select.from.end, ` JOIN ${quoteName(catalog.tableName(end.toTable))} AS ${LABEL} ON ${on}`));
  for (const column of scope.columns())
    if (column.table === null && !shown.includes(column) && scope.resolve(column).source === parent)
      edits.push(insertAt(column.start, `${parent.label}.`));
  return proposal(
    tree,
    applyEdits(tree.source, edits),
    `What is shown was given already; the row of “${catalog.tableName(end.toTable)}” at the other end of “${catalog.tableName(end.table)}” is shown instead.`,
  );
}

function isSaid(question: Question, key: Key): boolean {
  return tellingWords(key.column).some((word) => word.length > 2 && question.wordSet.has(word));
}
