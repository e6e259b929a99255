import type { OrderTerm } from '../../sql/ast.ts';
import { applyEdits, insertAt, replaceSpan } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import type { Scope } from '../../sql/scopes.ts';
import type { Catalog } from '../catalog.ts';
import type { Question } from '../question.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { nameWords, stem } from '../words.ts';
import { aggregatesIn } from './aggregates.ts';
import { DESCENDING, SORTED_BY } from './phrases.ts';

/** "Ordered by age", where exactly one column in reach is called that: without ORDER BY, or with one by something else. */
export const missingOrder: RepairRule = {
  name: 'missing-order',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question, catalog }) {
    const { orderBy, limit, cores, end } = tree.query;
    const core = cores[0];
    const scope = tree.scopes.find((candidate) => candidate.select === core);
    if (cores.length !== 1 || core?.kind !== 'select' || scope === undefined || limit !== null) return Promise.resolve([]);
    const name = askedOrder(scope, question, catalog);
    if (name === null) return Promise.resolve([]);
    const reason = `The question asks for an order by ${name.column}.`;
    if (orderBy !== null) {
      const [term] = orderBy.terms;
      if (term === undefined || orderBy.terms.length > 1 || says(term, question) || !isShown(scope, name.column))
        return Promise.resolve([]);
      return Promise.resolve(proposal(tree, applyEdits(tree.source, [replaceSpan(term.expression, name.text)]), reason));
    }
    if (core.groupBy !== null || core.distinct !== null || aggregatesIn(core).length > 0) return Promise.resolve([]);
    const down = DESCENDING.test(question.text);
    const text = ` ORDER BY ${name.text}${down ? ' DESC' : ''}`;
    return Promise.resolve(proposal(tree, applyEdits(tree.source, [insertAt(end, text)]), reason));
  },
};

/** The column that stands right after "ordered by": its name, and as it is written in this scope. */
function askedOrder(scope: Scope, question: Question, catalog: Catalog): { readonly column: string; readonly text: string } | null {
  const asked = SORTED_BY.exec(question.text)?.[1]?.trim().split(/\s+/).map(stem);
  if (asked === undefined) return null;
  const hits = scope.sources.flatMap((source) =>
    [...(source.columns ?? [])].flatMap((column) => {
      const name = source.table === null ? column : catalog.columnName(source.table, column);
      const words = nameWords(name);
      return words.length > 0 && words.every((word, index) => asked[index] === word) ? [{ length: words.length, source, name }] : [];
    }),
  );
  hits.sort((a, b) => b.length - a.length);
  const [best, second] = hits;
  if (best === undefined || second?.length === best.length) return null;
  const column = quoteName(best.name);
  return { column, text: `${scope.sources.length > 1 ? `${best.source.label}.` : ''}${column}` };
}

/** The term is what the question may mean by its order: a word of its column, or the figure that it counts, is said after "by". */
function says(term: OrderTerm, question: Question): boolean {
  const asked = new Set((SORTED_BY.exec(question.text)?.[1] ?? '').split(/\s+/).map(stem));
  if (term.expression.kind === 'column') return nameWords(term.expression.name.name).some((word) => asked.has(word));
  return (
    aggregatesIn(term.expression).length === 0 ||
    ['number', 'count', 'total', 'sum', 'average', 'maximum', 'minimum'].some((word) => asked.has(word))
  );
}

function isShown(scope: Scope, column: string): boolean {
  return scope.select.columns.some(
    ({ expression }) => expression?.kind === 'column' && quoteName(expression.name.name).toLowerCase() === column.toLowerCase(),
  );
}
