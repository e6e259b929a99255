import type { Expression } from '../../sql/ast.ts';
import { applyEdits, replaceSpan, type Edit } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Catalog, Key } from '../catalog.ts';
import { tellingWords, type Question } from '../question.ts';
import { proposal, type Proposal, type Situation } from '../rule.ts';
import { stem } from '../words.ts';
import { aggregatesIn } from './aggregates.ts';
import { conjuncts, qualifyColumns, selectRule, rewriteClauses } from './clauses.ts';
import { boundIn } from './phrases.ts';

const MOST = /\b((?:largest|highest|greatest|maximum|smallest|lowest|minimum|most|least|fewest) number of|most|fewest|least) ([\w ]+)/i;
const FEW = /^(fewest|least|smallest|lowest|minimum)/i;
const COMPARISONS = new Set(['=', '<', '>', '<=', '>=']);

/**
 * "The document with the most paragraphs", "conductors of more than one orchestra": rows of another table are to be counted, where the query
 * orders by a column, or compares one with the number, of which the question says nothing.
 */
export const countedRows = selectRule({
  name: 'counted-rows',
  group: 'question',
  keepsRows: true,
  propose,
});

function propose({ tree, catalog, question }: Situation, scope: Scope): readonly Proposal[] {
  const { select } = scope;
  if (select.groupBy !== null || select.having !== null || select.from === null || aggregatesIn(select).length > 0) return [];
  return byBound(tree, scope, catalog, question) ?? byExtreme(tree, scope, catalog, question) ?? [];
}

function byBound(tree: SqlTree, scope: Scope, catalog: Catalog, question: Question): readonly Proposal[] | null {
  const bound = boundIn(question.text);
  const { where } = scope.select;
  if (bound === null || where === null) return null;
  const after = question.text.slice(question.text.indexOf(bound.words) + bound.words.length);
  const key = countedKey(scope, catalog, after);
  if (key === null) return null;
  const parts = conjuncts(where.condition);
  const tested = parts.filter((part) => isTest(part, bound.count) && isBeside(scope, part, catalog, question));
  const [part] = tested;
  if (part === undefined || tested.length > 1) return null;
  const rest = parts.filter((other) => other !== part).map((other) => tree.text(other));
  const clauses = { where: rest.length === 0 ? null : rest.join(' AND '), having: `count(*) ${bound.operator} ${String(bound.count)}` };
  return grouped(tree, scope, key, catalog, clauses, [], `The question says “${bound.words.trim()}”`);
}

function byExtreme(tree: SqlTree, scope: Scope, catalog: Catalog, question: Question): readonly Proposal[] | null {
  const [term, second] = tree.query.orderBy?.terms ?? [];
  const match = MOST.exec(question.text);
  if (term === undefined || second !== undefined || tree.query.limit === null || match === null) return null;
  const key = countedKey(scope, catalog, match[2] ?? '');
  if (key === null || !isBeside(scope, term.expression, catalog, question)) return null;
  const order = replaceSpan(term, `count(*)${FEW.test(match[1] ?? '') ? '' : ' DESC'}`);
  return grouped(tree, scope, key, catalog, {}, [order], `The question asks for the ${(match[1] ?? '').toLowerCase()}`);
}

/** The key of the table that the words begin with, to the one table of the query whose rows are looked for. */
function countedKey(scope: Scope, catalog: Catalog, words: string): Key | null {
  const said = (words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(stem).filter((word) => word !== 'different' && word !== 'distinct');
  const here = new Set(scope.sources.flatMap(({ table }) => table ?? []));
  const keys = catalog.keys.filter(({ table, toTable }) => {
    const name = tellingWords(catalog.tableName(table));
    return table !== toTable && here.has(toTable) && name.length > 0 && name.every((word, index) => said[index] === word);
  });
  return keys.length === 1 ? (keys[0] ?? null) : null;
}

function isTest(part: Expression, count: number): boolean {
  return part.kind === 'binary' && COMPARISONS.has(part.operator) && part.right.kind === 'literal' && Number(part.right.value) === count;
}

/** A column that is no measure of anything (a key), or of which the question says nothing. */
function isBeside(scope: Scope, part: Expression, catalog: Catalog, question: Question): boolean {
  const column = part.kind === 'binary' ? part.left : part;
  if (column.kind !== 'column') return false;
  const { status, source } = scope.resolve(column);
  const table = source?.table ?? null;
  if (status !== 'ok' || table === null) return false;
  return catalog.isKey(table, column.name.name.toLowerCase()) || question.saysNothingOf(column.name.name);
}

function grouped(
  tree: SqlTree,
  scope: Scope,
  key: Key,
  catalog: Catalog,
  clauses: { readonly where?: string | null; readonly having?: string },
  orders: readonly Edit[],
  why: string,
): readonly Proposal[] {
  const parent = scope.sources.find(({ table }) => table === key.toTable);
  const { from } = scope.select;
  if (parent === undefined || from === null) return [];
  const by = `${parent.label}.${quoteName(catalog.columnName(key.toTable, key.toColumn))}`;
  const rewritten = rewriteClauses(tree, scope.select, { ...clauses, groupBy: by });
  const name = quoteName(catalog.tableName(key.table));
  const joined = scope.sources.some(({ table }) => table === key.table)
    ? ''
    : ` JOIN ${name} ON ${by} = ${name}.${quoteName(catalog.columnName(key.table, key.column))}`;
  const edits = [...orders, { ...rewritten, text: `${joined}${rewritten.text}` }];
  return proposal(
    tree,
    applyEdits(tree.source, [...edits, ...qualifyColumns(scope)]),
    `${why}, so the rows of “${catalog.tableName(key.table)}” are counted.`,
  );
}
