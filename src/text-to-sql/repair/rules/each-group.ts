import { applyEdits, insertAt } from '../../sql/patch.ts';
import { proposal, type RepairRule } from '../rule.ts';
import { aggregatesIn } from './aggregates.ts';
import { EACH } from './phrases.ts';

/** "The average weight for each year": a figure for each group, which is shown beside it. */
export const eachGroup: RepairRule = {
  name: 'each-group',
  group: 'question',
  on: 'rows',
  keepsRows: false,
  propose({ tree, question }) {
    const core = tree.query.cores[0];
    if (tree.query.cores.length !== 1 || core?.kind !== 'select' || core.groupBy === null || !EACH.test(question.text))
      return Promise.resolve([]);
    const figures = core.columns.filter((column) => aggregatesIn(column).length > 0);
    if (figures.length === 0) return Promise.resolve([]);
    const [by] = core.groupBy.expressions;
    const last = core.columns.at(-1);
    if (figures.length < core.columns.length || core.groupBy.expressions.length !== 1 || by?.kind !== 'column' || last === undefined)
      return Promise.resolve([]);
    if (tree.query.limit !== null) return Promise.resolve([]);
    const edit = insertAt(last.end, `, ${tree.text(by)}`);
    return Promise.resolve(proposal(tree, applyEdits(tree.source, [edit]), `A figure for each “${tree.text(by)}” needs it beside it.`));
  },
};
