import type { Binary } from '../src/text-to-sql/sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../src/text-to-sql/sql/patch.ts';
import { quoteString } from '../src/text-to-sql/sql-name.ts';
import type { Scope } from '../src/text-to-sql/sql/scopes.ts';
import type { SqlTree } from '../src/text-to-sql/sql/tree.ts';
import { literalTests } from '../src/text-to-sql/repair/rules/literal-tests.ts';
import type { Facts } from '../src/text-to-sql/repair/facts.ts';
import { fold } from '../src/text-to-sql/repair/words.ts';

/** A fault as small models make it, put into a right query; null where the query has no place for it. `pick` gives a number below its argument. */
export type Breaker = (tree: SqlTree, facts: Facts, pick: (below: number) => number) => Promise<string | null>;

const FACT_MS = 2_000;

function oneOf<Item>(items: readonly Item[], pick: (below: number) => number): Item | undefined {
  return items.length === 0 ? undefined : items[pick(items.length)];
}

function joinedScopes(tree: SqlTree): Scope[] {
  return tree.scopes.filter((scope) => scope.sources.length > 1 && scope.onlyBaseTables);
}

const wrongAlias: Breaker = (tree, _facts, pick) => {
  const spots = joinedScopes(tree).flatMap((scope) =>
    scope.columns().flatMap((column) => {
      const { status, source } = scope.resolve(column);
      const table = column.table;
      if (status !== 'ok' || table === null) return [];
      const name = column.name.name.toLowerCase();
      return scope.sources
        .filter((other) => other !== source && other.columns?.has(name) !== true)
        .map((other) => replaceSpan(table, other.label));
    }),
  );
  const spot = oneOf(spots, pick);
  return Promise.resolve(spot === undefined ? null : applyEdits(tree.source, [spot]));
};

const lostJoin: Breaker = (tree) => {
  const scope = tree.scopes[0];
  const first = scope?.sources[0];
  const last = scope?.sources.at(-1);
  if (scope === undefined || first === undefined || last === undefined || first === last || !scope.onlyBaseTables)
    return Promise.resolve(null);
  const used = scope.columns().filter((column) => !scope.inJoin(column) && scope.resolve(column).source === last);
  if (used.length === 0 || used.some((column) => first.columns?.has(column.name.name.toLowerCase()) === true)) return Promise.resolve(null);
  const edits = used.map((column) => replaceSpan({ start: column.start, end: column.name.start }, `${first.label}.`));
  return Promise.resolve(applyEdits(tree.source, [...edits, replaceSpan(last.item, '')]));
};

const lostTable: Breaker = (tree, _facts, pick) => {
  const scope = tree.scopes[0];
  const from = scope?.select.from;
  if (scope === undefined || from === undefined || from === null || scope.sources.length !== 2 || !scope.onlyBaseTables)
    return Promise.resolve(null);
  const keep = scope.sources[pick(2)];
  const gone = scope.sources.find((source) => source !== keep);
  if (typeof keep?.table !== 'string' || gone === undefined) return Promise.resolve(null);
  const columns = scope.columns().filter((column) => !scope.inJoin(column));
  const lost = columns.filter((column) => scope.resolve(column).source === gone);
  if (lost.length === 0 || lost.some((column) => keep.columns?.has(column.name.name.toLowerCase()) === true)) return Promise.resolve(null);
  const edits: Edit[] = columns.map((column) => replaceSpan({ start: column.start, end: column.name.start }, ''));
  return Promise.resolve(applyEdits(tree.source, [...edits, replaceSpan(from, `FROM ${keep.table}`)]));
};

const misspelt: Breaker = (tree, _facts, pick) => {
  const columns = tree.scopes.flatMap((scope) => scope.columns().filter((column) => scope.resolve(column).status === 'ok'));
  const spot = oneOf(
    columns.filter((column) => column.name.name.includes('_')),
    pick,
  );
  if (spot === undefined) return Promise.resolve(null);
  const wrong = pick(10) < 7 ? spot.name.name.replaceAll('_', '') : `${spot.name.name}s`;
  const same = columns.filter((column) => column.name.name.toLowerCase() === spot.name.name.toLowerCase());
  return Promise.resolve(
    applyEdits(
      tree.source,
      same.map((column) => replaceSpan(column.name, wrong)),
    ),
  );
};

async function literalSpots(tree: SqlTree, facts: Facts) {
  const spots: { node: Binary; test: ReturnType<typeof literalTests>[number]; text: string }[] = [];
  for (const test of literalTests(tree)) {
    const text = test.texts[0];
    if (test.node.kind !== 'binary' || test.node.operator !== '=' || text === undefined || /^\d+$/.test(text.value)) continue;
    if ((await facts.values(test.table, test.name, FACT_MS)).has(fold(text.value))) spots.push({ node: test.node, test, text: text.value });
  }
  return spots;
}

const literalCase: Breaker = async (tree, facts, pick) => {
  const spots = (await literalSpots(tree, facts)).filter(({ text }) => text.toLowerCase() !== text.toUpperCase());
  const spot = oneOf(spots, pick);
  const literal = spot?.test.texts[0];
  if (spot === undefined || literal === undefined) return null;
  const other = spot.text === spot.text.toLowerCase() ? spot.text.toUpperCase() : spot.text.toLowerCase();
  return applyEdits(tree.source, [replaceSpan(literal.node, quoteString(other))]);
};

const literalColumn: Breaker = async (tree, facts, pick) => {
  const edits: Edit[] = [];
  for (const { test, text } of await literalSpots(tree, facts)) {
    for (const column of facts.catalog.tables.get(test.table)?.columnNames ?? []) {
      if (column === test.name || !facts.catalog.holdsText(test.table, column)) continue;
      if (!(await facts.values(test.table, column, FACT_MS)).has(fold(text))) edits.push(replaceSpan(test.column.name, `"${column}"`));
    }
  }
  const edit = oneOf(edits, pick);
  return edit === undefined ? null : applyEdits(tree.source, [edit]);
};

/** By what a person would call the fault. */
export const BREAKERS: Readonly<Record<string, Breaker>> = {
  'wrong alias': wrongAlias,
  'last join lost': lostJoin,
  'table lost from FROM': lostTable,
  'name misspelt': misspelt,
  'literal in another case': literalCase,
  'literal at another column': literalColumn,
};
