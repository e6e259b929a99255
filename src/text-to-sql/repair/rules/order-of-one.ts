import { replaceSpan } from '../../sql/patch.ts';
import { mendingRule } from '../rule.ts';
import { extremeColumn } from './aggregates.ts';

/** `SELECT max(horsepower) … ORDER BY weight DESC LIMIT 1`: one figure of all rows cannot be ordered; what is wanted is that row's. */
export const orderOfOne = mendingRule({
  name: 'order-of-one',
  group: 'question',
  keepsRows: true,
  *find({ tree }) {
    const { cores, orderBy, limit } = tree.query;
    const [core, side] = cores;
    const [term, second] = orderBy?.terms ?? [];
    if (core?.kind !== 'select' || side !== undefined || term?.expression.kind !== 'column' || second !== undefined || limit === null)
      return;
    if (core.groupBy !== null || core.having !== null) return;
    const ordered = term.expression.name.name.toLowerCase();
    const shown = core.columns.flatMap(({ expression }) => {
      const column = extremeColumn(expression);
      return expression === null || column === null ? [] : [{ expression, column }];
    });
    if (shown.length < core.columns.length || shown.some(({ column }) => column.name.name.toLowerCase() === ordered)) return;
    const columns = shown.map(({ column }) => tree.text(column)).join(', ');
    yield {
      edits: shown.map(({ expression, column }) => replaceSpan(expression, tree.text(column))),
      reason: `A figure of all rows has no order; “${columns}” of the row that comes first is shown.`,
    };
  },
});
