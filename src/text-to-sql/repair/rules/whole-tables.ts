import { applyEdits, insertAt, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { readTree, type SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import type { Question } from '../question.ts';
import type { Proposal } from '../rule.ts';
import { nameWords } from '../words.ts';

/** A statement that may be meant; the less it costs, the likelier. See names.ts for the unit. */
export interface Ranked {
  readonly cost: number;
  readonly proposal: Proposal;
}

const MAX_SWAPS = 3;

/** A lone table that lacks columns which another table has: the other table is meant. */
export function otherTables(tree: SqlTree, catalog: Catalog, question: Question, begun: readonly string[]): Ranked[] {
  const found: Ranked[] = [];
  for (const scope of tree.scopes) {
    const here = scope.sources[0];
    if (scope.sources.length !== 1 || here === undefined || here.table === null || here.node.kind !== 'tableSource') continue;
    const columns = scope.columns().filter((column) => ['ok', 'missing'].includes(scope.resolve(column).status));
    if (!columns.some((column) => scope.resolve(column).status === 'missing')) continue;
    const countsRows = [...scope.own()].some((node) => node.kind === 'call' && node.star);
    for (const [key, table] of catalog.tables) {
      if (key === here.table || !columns.every((column) => table.columnNames.has(column.name.name.toLowerCase()))) continue;
      const namesHere = question.speaksOf(here.table, new Set(nameWords(key)));
      if (namesHere && countsRows) continue;
      const name = quoteName(table.name);
      const edits = [replaceSpan(here.node.name, name)];
      if (here.node.alias === null) {
        for (const column of columns) if (column.table !== null) edits.push(replaceSpan(column.table, name));
      } else {
        for (const column of columns)
          if (column.table !== null && scope.resolve(column).source !== here) edits.push(replaceSpan(column.table, here.label));
      }
      const sql = applyEdits(tree.source, edits);
      // Counting rows of a table that stands for something else gives another figure.
      const counted = countsRows && scope.select.groupBy !== null ? 0.15 : 0;
      const cost = (namesHere ? 0.4 : 0.16) + counted - (question.mentions(table.name) ? 0.08 : 0);
      const reason = `“${catalog.tableName(here.table)}” lacks a column that is used; “${table.name}” has all of them.`;
      found.push({ cost, proposal: { sql, reason: [...begun, reason].join(' ') } });
    }
  }
  return found;
}

/** One of several tables lacks columns that are asked of it, another one that a key links to the rest has them all: that one is meant. */
export function swappedTables(tree: SqlTree, catalog: Catalog, question: Question): { tree: SqlTree; cost: number; reason: string }[] {
  const found: { tree: SqlTree; cost: number; reason: string }[] = [];
  for (const scope of tree.scopes) {
    if (scope.sources.length < 2 || !scope.onlyBaseTables) continue;
    const here = new Set(scope.sources.map((source) => source.table));
    for (const source of scope.sources) {
      if (source.table === null || source.node.kind !== 'tableSource') continue;
      const asked = tree.all('column').filter((column) => column.table?.name.toLowerCase() === source.alias);
      if (asked.every((column) => source.columns?.has(column.name.name.toLowerCase()) === true)) continue;
      if (asked.some((column) => !scope.columns().includes(column))) continue;
      for (const [key, table] of catalog.tables) {
        if (here.has(key) || !asked.every((column) => table.columnNames.has(column.name.name.toLowerCase()))) continue;
        if (!catalog.edges(key).some((edge) => edge.toTable !== source.table && here.has(edge.toTable))) continue;
        const name = quoteName(table.name);
        const edits = [replaceSpan(source.node.name, name)];
        if (source.node.alias === null) for (const column of asked) if (column.table !== null) edits.push(replaceSpan(column.table, name));
        const next = readTree(applyEdits(tree.source, edits), catalog.lookup);
        if (next === null) continue;
        const cost = (question.mentions(source.table) ? 0.4 : 0.16) - (question.mentions(table.name) ? 0.08 : 0);
        found.push({
          tree: next,
          cost,
          reason: `“${catalog.tableName(source.table)}” lacks a column that is used; “${table.name}” has all of them.`,
        });
      }
    }
  }
  return found.slice(0, MAX_SWAPS);
}

/** No FROM at all: the table that has every column, one that the question names before the others. */
export function forgottenFrom(tree: SqlTree, catalog: Catalog, question: Question, begun: readonly string[]): Ranked[] {
  return tree.scopes.flatMap((scope) => {
    const columns = scope.columns().filter((column) => scope.resolve(column).status === 'missing');
    const last = scope.select.columns.at(-1);
    if (scope.select.from !== null || columns.length === 0 || last === undefined || columns.some((column) => column.table !== null))
      return [];
    const holding = [...catalog.tables.values()].filter((table) =>
      columns.every(({ name }) => table.columnNames.has(name.name.toLowerCase())),
    );
    return holding.map((table) => ({
      cost: 0.3 - (question.mentions(table.name) ? 0.1 : 0),
      proposal: {
        sql: applyEdits(tree.source, [insertAt(last.end, ` FROM ${quoteName(table.name)}`)]),
        reason: [...begun, `FROM was missing; “${table.name}” has every column that is used.`].join(' '),
      },
    }));
  });
}
