import type { RepairRule } from '../rule.ts';
import { flagSpelling } from './flag-spelling.ts';
import { nameBehindKey } from './name-behind-key.ts';
import { repeatedRows } from './repeated-rows.ts';
import { askedCount } from './asked-count.ts';
import { sameMeasure } from './same-measure.ts';
import { groupByKey } from './group-by-key.ts';
import { countedSides } from './counted-sides.ts';
import { listedNotCounted } from './listed-not-counted.ts';
import { notAny } from './not-any.ts';
import { likeColumn } from './like-column.ts';
import { otherSide } from './other-side.ts';
import { boundDirection } from './bound-direction.ts';
import { orderOfOne } from './order-of-one.ts';
import { bareColumn } from './bare-column.ts';
import { varyingGroup } from './varying-group.ts';
import { askedName } from './asked-name.ts';
import { unaskedExtreme } from './unasked-extreme.ts';
import { eitherValue } from './either-value.ts';
import { askedFigure } from './asked-figure.ts';
import { aggregates } from './aggregates.ts';
import { askedFlag } from './asked-flag.ts';
import { bothValues } from './both-values.ts';
import { bracketedSides } from './bracketed-sides.ts';
import { countedRows } from './counted-rows.ts';
import { countInChild } from './count-in-child.ts';
import { direction } from './direction.ts';
import { eachGroup } from './each-group.ts';
import { equalsMany } from './equals-many.ts';
import { groupDirection } from './group-direction.ts';
import { idleJoins } from './idle-joins.ts';
import { innerJoin } from './inner-join.ts';
import { inventedLiteral } from './invented-literal.ts';
import { literalColumn } from './literal-column.ts';
import { literalSpelling } from './literal-spelling.ts';
import { missingBound } from './missing-bound.ts';
import { missingOrder } from './missing-order.ts';
import { namedColumn } from './named-column.ts';
import { names } from './names.ts';
import { neverTrue } from './never-true.ts';
import { oddNames } from './odd-names.ts';
import { otherDialects } from './other-dialects.ts';
import { otherTable } from './other-table.ts';
import { quantified } from './quantified.ts';
import { splitNames } from './split-names.ts';
import { starColumns } from './star-columns.ts';
import { textAfter } from './text-after.ts';
import { unaskedMeasure } from './unasked-measure.ts';
import { unaskedNegation } from './unasked-negation.ts';
import { unclosed } from './unclosed.ts';
import { wrongJoin } from './wrong-join.ts';

/** What may stand in the way of reading a statement at all, in the order in which it is put right. */
export const TEXT_RULES = [textAfter, oddNames, quantified, bracketedSides, groupDirection, unclosed] as const;

/** In the order in which they are tried: first what makes a statement run, then what makes its literals and joins true to the data, then the question. */
export const ALL_RULES: readonly RepairRule[] = [
  aggregates,
  ...TEXT_RULES,
  otherDialects,
  names,
  literalSpelling,
  flagSpelling,
  literalColumn,
  inventedLiteral,
  equalsMany,
  boundDirection,
  neverTrue,
  namedColumn,
  wrongJoin,
  otherTable,
  countInChild,
  countedRows,
  notAny,
  likeColumn,
  idleJoins,
  otherSide,
  repeatedRows,
  groupByKey,
  nameBehindKey,
  sameMeasure,
  countedSides,
  listedNotCounted,
  orderOfOne,
  varyingGroup,
  askedName,
  unaskedExtreme,
  eitherValue,
  askedFigure,
  unaskedNegation,
  unaskedMeasure,
  askedCount,
  askedFlag,
  bareColumn,
  eachGroup,
  direction,
  missingOrder,
  missingBound,
  starColumns,
  splitNames,
  innerJoin,
  bothValues,
];
