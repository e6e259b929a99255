import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { isCount } from './aggregates.ts';
import { NEGATION } from './phrases.ts';

/** The only table of a query is not what the question names; one other is, and has the same columns. */
export const otherTable: RepairRule = {
  name: 'other-table',
  group: 'joins',
  on: 'rows',
  keepsRows: true,
  async propose({ tree, catalog, question, unique }) {
    const scope = tree.scopes[0];
    const here = scope?.sources[0];
    if (tree.scopes.length !== 1 || scope?.sources.length !== 1 || typeof here?.table !== 'string' || here.node.kind !== 'tableSource')
      return [];
    if (scope.select.columns.some((column) => column.expression === null) || question.mentions(here.table) || NEGATION.test(question.text))
      return [];
    const columns = scope.columns();
    if (columns.some((column) => !['ok', 'output', 'string'].includes(scope.resolve(column).status))) return [];
    const own = columns.filter((column) => scope.resolve(column).status === 'ok').map((column) => column.name.name.toLowerCase());
    const counts = [...scope.own()].some(isCount);
    if (own.length === 0 && !counts) return [];
    const named = [...catalog.tables].filter(([key, table]) => key !== here.table && question.mentions(table.name));
    const only = named.length === 1 ? named[0] : undefined;
    if (only === undefined || !own.every((column) => only[1].columnNames.has(column))) return [];
    if (counts) for (const column of own) if (await unique(only[0], column)) return [];
    const name = quoteName(only[1].name);
    const edits = [replaceSpan(here.node.name, name)];
    if (here.node.alias === null) for (const column of columns) if (column.table !== null) edits.push(replaceSpan(column.table, name));
    const reason = `The question speaks of “${only[1].name}”, which has the same columns, and not of “${catalog.tableName(here.table)}”.`;
    return proposal(tree, applyEdits(tree.source, edits), reason);
  },
};
