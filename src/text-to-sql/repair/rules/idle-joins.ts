import { walk, type ColumnReference } from '../../sql/ast.ts';
import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import { readTree, type SqlTree } from '../../sql/tree.ts';
import type { Catalog } from '../catalog.ts';
import { tellingWords, wholeNames, type Question } from '../question.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { bareName, nameWords, stem } from '../words.ts';
import { isCount } from './aggregates.ts';

const MAX_REMOVED = 4;
/** What a question counts stands right after these words. */
const COUNTED = /(?:how many|number of|count of|most|fewest|least|more than \w+|at least \w+) ([a-z ]{3,40})/;

/** A joined table that nothing uses and the question does not name: it only repeats or loses rows. */
export const idleJoins: RepairRule = {
  name: 'idle-joins',
  group: 'joins',
  on: 'rows',
  keepsRows: true,
  propose({ tree, catalog, question }) {
    let current = tree;
    const removed: string[] = [];
    while (removed.length < MAX_REMOVED) {
      const next = removeOne(current, catalog, question);
      if (next === null) break;
      current = next.tree;
      removed.push(next.table);
    }
    const listed = removed.map((table) => `“${catalog.tableName(table)}”`).join(', ');
    const reason = `Nothing is taken from ${listed} and the question does not name it, so the join, which can repeat or lose rows, was left out.`;
    return Promise.resolve(proposal(tree, current.source, reason));
  },
};

function removeOne(tree: SqlTree, catalog: Catalog, question: Question): { tree: SqlTree; table: string } | null {
  for (const scope of tree.scopes) {
    if (scope.sources.length < 2 || !scope.onlyBaseTables || scope.select.columns.some((column) => column.expression === null)) continue;
    if (scope.columns().some((column) => scope.resolve(column).status === 'ambiguous')) continue;
    for (const source of scope.sources) {
      if (source.table === null || !isIdle(scope, source, source.table, catalog, question)) continue;
      const next = readTree(applyEdits(tree.source, [replaceSpan(source.item, '')]), catalog.lookup);
      if (next !== null) return { tree: next, table: source.table };
    }
  }
  return null;
}

function isIdle(scope: Scope, source: Source, table: string, catalog: Catalog, question: Question): boolean {
  const join = source.item.join;
  const on = join?.on ?? null;
  if (join === null || on === null || /LEFT|RIGHT|FULL|NATURAL/.test(join.operator)) return false;
  if (usedOutside(scope, source)) return false;
  const ends = scope.columns().filter((column) => inside(column, source));
  const partners = new Set(ends.flatMap((column) => scope.resolve(column).source ?? []));
  partners.delete(source);
  if (partners.size !== 1) return false;
  if (isNamed(scope, source, table, catalog, question)) return false;
  const counts = [...scope.own()].filter(isCount);
  if (counts.some((count) => count.star) && !countsSomethingElse(scope, source, question)) return false;
  // The join's own column may be what the question speaks of: "the city" of `ON a.city_code = b.code`.
  const heads = new Set(question.words.filter((word) => word.length >= 4).map((word) => word.slice(0, 4)));
  return !ends.some((column) => {
    const name = bareName(column.name.name);
    // Of the same name at the other end it is there as well.
    const twice = counts.length === 0 && ends.some((other) => other !== column && bareName(other.name.name) === name);
    return scope.resolve(column).source === source && !twice && heads.has(name.slice(0, 4)) && !name.endsWith('id');
  });
}

function inside(column: ColumnReference, source: Source): boolean {
  return column.start >= source.item.start && column.end <= source.item.end;
}

function usedOutside(scope: Scope, source: Source): boolean {
  if (scope.columns().some((column) => !inside(column, source) && scope.resolve(column).source === source)) return true;
  for (const node of walk(scope.select)) {
    if (node.kind === 'column' && !inside(node, source) && node.table?.name.toLowerCase() === source.alias) return true;
  }
  return false;
}

/** The question names the table, by a word that is not also another joined table's. */
function isNamed(scope: Scope, source: Source, table: string, catalog: Catalog, question: Question): boolean {
  const others = new Set(scope.sources.flatMap((other) => (other === source || other.table === null ? [] : nameWords(other.table))));
  const own = tellingWords(table).filter((word) => !others.has(word));
  if (own.some((word) => question.hasForm(word, others))) return true;
  if (!question.mentions(table) && !question.mentionsPart(table)) return false;
  // "The template type": that is another table's name, or a column's, of which this one's is a part.
  const counts = [...scope.own()].some(isCount);
  if (own.length === 0 && !counts && !isCalled(table, catalog, question)) return false;
  const countsColumn = [...scope.own()].some((node) => isCount(node) && node.arguments[0]?.kind === 'column');
  return own.length === 0 && !countsColumn;
}

/** The question calls the table by its name, not only something whose name has that in it. */
function isCalled(table: string, catalog: Catalog, question: Question): boolean {
  const names = [...catalog.tables].flatMap(([key, { name, columns }]) => [
    { what: key, words: tellingWords(name) },
    ...[...columns.values()].map((column) => ({ what: null, words: nameWords(column.name) })),
  ]);
  const words = new Set(tellingWords(table));
  const longer = wholeNames(question, names).filter(({ what, start, end }) => what !== table && end - start > 1);
  return question.words.some((word, at) => words.has(word) && !longer.some(({ start, end }) => start <= at && at < end));
}

function countsSomethingElse(scope: Scope, source: Source, question: Question): boolean {
  const counted = COUNTED.exec(question.folded)?.[1];
  if (counted === undefined) return false;
  const nouns = counted.trim().split(/\s+/).slice(0, 3).map(stem);
  return scope.sources.some(
    (other) => other !== source && other.table !== null && nameWords(other.table).some((word) => nouns.includes(word)),
  );
}
