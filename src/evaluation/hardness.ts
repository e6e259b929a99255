import { CONDITION_OPERATORS } from './spider-sql.ts';
import type { Conditions, ConditionUnit, SpiderSql } from './spider-sql.ts';

export const HARDNESS_LEVELS = ['easy', 'medium', 'hard', 'extra'] as const;
export type Hardness = (typeof HARDNESS_LEVELS)[number];

const LIKE = CONDITION_OPERATORS.indexOf('like');

export function conditionUnits(conditions: Conditions): ConditionUnit[] {
  return conditions.filter((part) => typeof part !== 'string');
}

export function connectors(conditions: Conditions): string[] {
  return conditions.filter((part) => typeof part === 'string');
}

/** Every condition of a query: of its joins, WHERE and HAVING, in this order. */
export function allConditions(sql: SpiderSql): Conditions[] {
  return [sql.from.conds, sql.where, sql.having];
}

/** A condition's value that is a query of its own. */
export function isNestedSql(value: unknown): value is SpiderSql {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Spider's hardness of a gold query, by how many components its parse has (Yu et al., EMNLP 2018; `eval_hardness` of the official
 * evaluator). Two oddities of the official counts are kept: a NOT before a WHERE operator and each AND/OR within HAVING count as an aggregation.
 */
export function hardness(gold: SpiderSql): Hardness {
  const clauses = countClauses(gold);
  const nested = countNested(gold);
  const others = countOthers(gold);
  if (clauses <= 1 && others === 0 && nested === 0) return 'easy';
  if (nested === 0 && ((others <= 2 && clauses <= 1) || (clauses <= 2 && others < 2))) return 'medium';
  if (nested === 0 && ((others > 2 && clauses <= 2) || (clauses > 2 && clauses <= 3 && others <= 2))) return 'hard';
  if (clauses <= 1 && others === 0 && nested <= 1) return 'hard';
  return 'extra';
}

/** WHERE, GROUP BY, ORDER BY, LIMIT, joins, OR, LIKE. */
function countClauses(sql: SpiderSql): number {
  let count = 0;
  if (sql.where.length > 0) count += 1;
  if (sql.groupBy.length > 0) count += 1;
  if (sql.orderBy.length > 0) count += 1;
  if (sql.limit !== null) count += 1;
  count += Math.max(0, sql.from.table_units.length - 1);
  for (const conditions of allConditions(sql)) {
    count += connectors(conditions).filter((connector) => connector === 'or').length;
    count += conditionUnits(conditions).filter((unit) => unit[1] === LIKE).length;
  }
  return count;
}

/** Queries inside conditions, and the other side of INTERSECT, UNION and EXCEPT. Queries inside FROM don't count. */
function countNested(sql: SpiderSql): number {
  const values = allConditions(sql).flatMap((conditions) => conditionUnits(conditions).flatMap((unit) => [unit[3], unit[4]]));
  return values.filter(isNestedSql).length + [sql.intersect, sql.except, sql.union].filter((other) => other !== null).length;
}

/** More than one aggregation, selected column, condition or grouping column: one point each. */
function countOthers(sql: SpiderSql): number {
  const [, orderUnits = []] = sql.orderBy;
  const ordered = [...orderUnits.map((unit) => unit[1]), ...orderUnits.map((unit) => unit[2])].filter((column) => column !== null);
  const aggregations =
    sql.select[1].filter((unit) => unit[0] !== 0).length +
    conditionUnits(sql.where).filter((unit) => unit[0]).length +
    sql.groupBy.filter((column) => column[0] !== 0).length +
    ordered.filter((column) => column[0] !== 0).length +
    sql.having.filter((part) => typeof part === 'string' || part[0]).length;
  return [aggregations, sql.select[1].length, sql.where.length, sql.groupBy.length].filter((count) => count > 1).length;
}
