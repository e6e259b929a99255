import { applyEdits, replaceSpan } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn, isAggregate } from './aggregates.ts';
import { sameExpression } from './clauses.ts';
import { ASKS_FIGURE, SUPERLATIVE } from './phrases.ts';

/** "Which x has the most y": the count that orders the rows is not part of the answer unless the question asks for it. */
export const unaskedMeasure: RepairRule = {
  name: 'unasked-measure',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    const core = tree.query.cores[0];
    const term = tree.query.orderBy?.terms[0];
    if (tree.query.cores.length !== 1 || core?.kind !== 'select' || term === undefined || tree.query.limit === null)
      return Promise.resolve([]);
    if (core.columns.length < 2 || ASKS_FIGURE.test(question.text) || !SUPERLATIVE.test(question.text)) return Promise.resolve([]);
    const ordered = term.expression;
    const named =
      ordered.kind === 'column' && ordered.table === null
        ? core.columns.find((column) => column.alias?.name.toLowerCase() === ordered.name.name.toLowerCase())
        : undefined;
    const measure = named?.expression ?? ordered;
    if (!isAggregate(measure)) return Promise.resolve([]);
    const keep = core.columns.filter((column) => column.expression === null || !sameExpression(column.expression, measure));
    if (keep.length === 0 || keep.length === core.columns.length || keep.some((column) => aggregatesIn(column).length > 0))
      return Promise.resolve([]);
    const first = core.columns[0];
    const last = core.columns.at(-1);
    if (first === undefined || last === undefined) return Promise.resolve([]);
    const edits = [
      replaceSpan({ start: first.start, end: last.end }, keep.map((column) => tree.text(column)).join(', ')),
      replaceSpan(ordered, tree.text(measure)),
    ];
    const reason = `The question asks which one, not for the figure: “${tree.text(measure)}” now only orders the rows.`;
    return Promise.resolve(proposal(tree, applyEdits(tree.source, edits), reason));
  },
};
