import { replaceSpan, applyEdits } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { isAggregate } from './aggregates.ts';
import { boundIn } from './phrases.ts';
import { rewriteClauses } from './clauses.ts';

/** "At least two x" asked of an IN over all x, without any number in the query: count them. */
export const missingBound: RepairRule = {
  name: 'missing-bound',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    const bound = boundIn(question.text);
    if (bound === null || tree.all('literal').some((literal) => literal.type === 'number')) return Promise.resolve([]);
    if (tree.all('groupBy').length > 0 || tree.all('call').some(isAggregate)) return Promise.resolve([]);
    const tests = tree.all('in').filter((node) => node.query !== null);
    const test = tests.length === 1 ? tests[0] : undefined;
    const core = test?.query?.cores.length === 1 ? test.query.cores[0] : undefined;
    const negated = test !== undefined && (test.not !== null || tree.parentOf(test)?.kind === 'unary');
    if (test === undefined || negated || core?.kind !== 'select' || core.from === null) return Promise.resolve([]);
    const column = core.columns[0]?.expression;
    if (core.where !== null || core.from.items.length > 1 || core.columns.length !== 1 || column?.kind !== 'column')
      return Promise.resolve([]);
    const clauses = rewriteClauses(tree, core, { groupBy: tree.text(column), having: `COUNT(*) ${bound.operator} ${String(bound.count)}` });
    const edits = core.distinct === null ? [clauses] : [replaceSpan(core.distinct, ''), clauses];
    return Promise.resolve(
      proposal(tree, applyEdits(tree.source, edits), `The question says “${bound.words.trim()}”, so the inner rows are counted.`),
    );
  },
};
