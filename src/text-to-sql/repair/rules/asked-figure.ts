import { walkOwn, type ColumnReference, type Expression } from '../../sql/ast.ts';
import { replaceSpan } from '../../sql/patch.ts';
import type { Question } from '../question.ts';
import { mendingRule } from '../rule.ts';
import { nameWords } from '../words.ts';
import { isAggregate } from './aggregates.ts';

const FIGURES: Readonly<Record<string, string>> = {
  average: 'avg',
  mean: 'avg',
  total: 'sum',
  maximum: 'max',
  highest: 'max',
  largest: 'max',
  greatest: 'max',
  minimum: 'min',
  lowest: 'min',
  smallest: 'min',
};
/** So many words before a figure's word may belong to the same list: "average, minimum, and maximum age". */
const LIST_WORDS = 3;

interface Asked {
  readonly expression: Expression;
  readonly column: ColumnReference;
  readonly figure: string;
}

/** "The mean GNP" answered with each GNP, "total population" with the average. */
export const askedFigure = mendingRule({
  name: 'asked-figure',
  group: 'question',
  keepsRows: true,
  *find({ tree, question }) {
    const { cores, limit, orderBy } = tree.query;
    const [core, side] = cores;
    if (core?.kind !== 'select' || side !== undefined || limit !== null || orderBy !== null) return;
    const hasInner = tree.all('query').length > 1;
    const found = core.columns.flatMap(({ expression }) => (expression === null ? [] : (askedOf(expression, question) ?? [])));
    const shown = core.columns.flatMap((column) => [...walkOwn(column)].flatMap((node) => (node.kind === 'column' ? [nameIn(node)] : [])));
    const asked = found.filter(
      ({ figure, column }) =>
        (!hasInner || figure === 'avg' || figure === 'sum') && shown.filter((name) => name === nameIn(column)).length === 1,
    );
    const plain = core.columns.filter(({ expression }) => expression?.kind === 'column');
    // A figure of all rows beside a column of each row would be neither.
    if (core.groupBy === null && plain.some(({ expression }) => !asked.some((one) => one.expression === expression))) return;
    for (const { expression, column, figure } of asked)
      yield {
        edits: [replaceSpan(expression, `${figure}(${tree.text(column)})`)],
        reason: `The question asks for ${figure}(${tree.text(column)}).`,
      };
  },
});

function nameIn(column: ColumnReference): string {
  return column.name.name.toLowerCase();
}

/** The figure that the question asks of a shown column, where that is another one than is shown. */
function askedOf(expression: Expression, question: Question): Asked | null {
  const call = expression.kind === 'call' && isAggregate(expression) ? expression : null;
  const column = call === null ? expression : call.arguments[0];
  if (column?.kind !== 'column' || /rank/i.test(column.name.name)) return null;
  const [at, again] = question.places(nameWords(column.name.name));
  if (at === undefined || again !== undefined) return null;
  const figure = FIGURES[question.words[at - 1] ?? ''];
  const before = question.words.slice(Math.max(0, at - 1 - LIST_WORDS), at - 1);
  if (figure === undefined || before.some((word) => FIGURES[word] !== undefined)) return null;
  return call?.name.name.toLowerCase() === figure ? null : { expression, column, figure };
}
