import { replaceSpan } from '../../sql/patch.ts';
import { mendingRule } from '../rule.ts';
import { isExtreme } from './aggregates.ts';

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
    const figures = core.columns.flatMap(({ expression }) => (expression !== null && isExtreme(expression) ? [expression] : []));
    const shown = figures.flatMap(({ arguments: [argument] }) => (argument?.kind === 'column' ? [argument] : []));
    if (shown.length < core.columns.length || shown.some((column) => column.name.name.toLowerCase() === ordered)) return;
    const columns = shown.map((column) => tree.text(column)).join(', ');
    yield {
      edits: figures.map((figure, index) => replaceSpan(figure, shown[index] === undefined ? tree.text(figure) : tree.text(shown[index]))),
      reason: `A figure of all rows has no order; “${columns}” of the row that comes first is shown.`,
    };
  },
});
