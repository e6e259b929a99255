import { applyEdits, insertAt } from '../../sql/patch.ts';
import { quoteName } from '../../sql/print.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { nameWords, stem } from '../words.ts';
import { aggregatesIn } from './aggregates.ts';
import { DESCENDING, SORTED_BY } from './phrases.ts';

/** "Ordered by age" without ORDER BY, where exactly one column in reach is called that. */
export const missingOrder: RepairRule = {
  name: 'missing-order',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question, catalog }) {
    const { orderBy, limit, cores, end } = tree.query;
    const core = cores[0];
    const scope = tree.scopes.find((candidate) => candidate.select === core);
    if (cores.length !== 1 || core?.kind !== 'select' || scope === undefined || orderBy !== null || limit !== null)
      return Promise.resolve([]);
    if (core.groupBy !== null || core.distinct !== null || aggregatesIn(core).length > 0) return Promise.resolve([]);
    const asked = SORTED_BY.exec(question.text)?.[1]?.trim().split(/\s+/).map(stem);
    if (asked === undefined) return Promise.resolve([]);
    const hits = scope.sources.flatMap((source) =>
      [...(source.columns ?? [])].flatMap((column) => {
        const words = nameWords(column);
        return words.length > 0 && words.every((word, index) => asked[index] === word) ? [{ length: words.length, source, column }] : [];
      }),
    );
    hits.sort((a, b) => b.length - a.length);
    const [best, second] = hits;
    if (best === undefined || second?.length === best.length) return Promise.resolve([]);
    const name = quoteName(best.source.table === null ? best.column : catalog.columnName(best.source.table, best.column));
    const down = DESCENDING.test(question.text);
    const text = ` ORDER BY ${scope.sources.length > 1 ? `${best.source.label}.` : ''}${name}${down ? ' DESC' : ''}`;
    return Promise.resolve(proposal(tree, applyEdits(tree.source, [insertAt(end, text)]), `The question asks for an order by ${name}.`));
  },
};
