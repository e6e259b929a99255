import type { ColumnReference } from '../../sql/ast.ts';
import { insertAt, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { Catalog } from '../catalog.ts';
import type { Question } from '../question.ts';
import { mendingRule, type Mending, type Situation } from '../rule.ts';
import { bareName, isNameOrTitle, nameWords } from '../words.ts';
import { isCount } from './aggregates.ts';
import { qualifyColumns } from './clauses.ts';

/** Counting by a column that no two rows share gives 1 everywhere: what is to be counted is in the table that refers to this one. */
export const countInChild = mendingRule({
  name: 'count-in-child',
  group: 'joins',
  keepsRows: false,
  async *find(situation) {
    for (const scope of situation.tree.scopes) yield* mend(situation, scope);
  },
});

async function* mend({ catalog, question, unique }: Situation, scope: Scope): AsyncGenerator<Mending> {
  const here = scope.sources[0];
  if (scope.sources.length !== 1 || typeof here?.table !== 'string' || here.node.kind !== 'tableSource') return;
  const counts = [...scope.own()].filter(isCount);
  if (counts.length === 0) return;
  const grouped = scope.select.groupBy !== null;
  const primary = catalog.tables.get(here.table)?.primary ?? [];
  let key: ColumnReference | null = null;
  let isKey = false;
  for (const candidate of keyCandidates(scope)) {
    const name = candidate.name.name.toLowerCase();
    if (scope.resolve(candidate).source !== here || !(await unique(here.table, name))) continue;
    isKey = primary.length === 1 && primary[0] === name;
    const isName = isNameOrTitle(name) || bareName(name) === bareName(here.table);
    if (!isKey && !(isName && grouped)) continue;
    key = candidate;
    break;
  }
  if (key === null) return;
  const column = key.name.name.toLowerCase();
  const child = childOf(here.table, column, grouped, isKey, primary, catalog, question);
  if (child === null) return;
  const edits: Edit[] = [];
  for (const count of counts) {
    const argument = count.arguments[0];
    if (argument?.kind === 'column') edits.push(replaceSpan({ start: count.distinct?.start ?? argument.start, end: argument.end }, '*'));
  }
  const name = quoteName(catalog.tableName(child.table));
  const columns = scope.columns();
  const counted = new Set(counts.flatMap((count) => count.arguments));
  const remaining = columns.filter((candidate) => !counted.has(candidate));
  const childColumns = catalog.tables.get(child.table)?.columnNames;
  if (child.column === child.toColumn && remaining.every((candidate) => childColumns?.has(candidate.name.name.toLowerCase()) === true)) {
    edits.push(replaceSpan(here.node.name, name));
    if (here.node.alias === null)
      for (const candidate of remaining) if (candidate.table !== null) edits.push(replaceSpan(candidate.table, name));
  } else {
    edits.push(...qualifyColumns(scope, remaining));
    const on = `${here.label}.${quoteName(catalog.columnName(here.table, child.toColumn))} = ${name}.${quoteName(catalog.columnName(child.table, child.column))}`;
    edits.push(insertAt(here.item.end, ` JOIN ${name} ON ${on}`));
  }
  yield {
    edits,
    reason: `Every “${key.name.name}” stands once in “${catalog.tableName(here.table)}”, so a count would be 1; the rows to count are in “${catalog.tableName(child.table)}”.`,
  };
}

function keyCandidates(scope: Scope): ColumnReference[] {
  const { groupBy, where, columns } = scope.select;
  if (groupBy !== null) return groupBy.expressions.filter((expression) => expression.kind === 'column');
  if (columns.length !== 1 || where === null) return [];
  const found: ColumnReference[] = [];
  for (const node of scope.own()) {
    if (node.kind === 'binary' && node.operator === '=' && node.left.kind === 'column' && node.right.kind === 'literal')
      found.push(node.left);
  }
  return found;
}

function childOf(
  table: string,
  column: string,
  grouped: boolean,
  isKey: boolean,
  primary: readonly string[],
  catalog: Catalog,
  question: Question,
) {
  const refersTo = (target: string) =>
    catalog.keys.filter((key) => key.toTable === table && key.toColumn === target && key.table !== table);
  let children = refersTo(column);
  const only = primary.length === 1 ? primary[0] : undefined;
  if (children.length === 0 && grouped && only !== undefined) children = refersTo(only);
  const own = new Set(nameWords(table));
  const partly = (name: string) => nameWords(name).some((word) => word.length > 2 && !own.has(word) && question.wordSet.has(word));
  let asked = children.filter((child) => question.mentions(child.table));
  if (asked.length === 0) asked = children.filter((child) => partly(child.table));
  if (asked.length === 0 && children.length === 1 && grouped && isKey) asked = children;
  return asked.length === 1 ? (asked[0] ?? null) : null;
}
