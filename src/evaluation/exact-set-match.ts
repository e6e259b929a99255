import { CONDITION_OPERATORS } from './spider-sql.ts';
import type {
  ColumnUnit,
  Conditions,
  ConditionUnit,
  ConditionValue,
  OrderBy,
  ParserSchema,
  SpiderSql,
  TableUnit,
  ValueUnit,
} from './spider-sql.ts';
import { allConditions, conditionUnits, connectors, isNestedSql } from './hardness.ts';

export const CLAUSE_SCORES = [
  'select',
  'select(no AGG)',
  'where',
  'where(no OP)',
  'group(no Having)',
  'group',
  'order',
  'and/or',
  'IUEN',
  'keywords',
] as const;
export type ClauseName = (typeof CLAUSE_SCORES)[number];

/** One clause's score. The official evaluator gives all or nothing, so that accuracy, recall and F1 of one example are the same `match`. */
export interface ClauseScore {
  readonly match: 0 | 1;
  /** How many parts the gold clause has; 0 leaves the example out of the clause's recall. */
  readonly goldTotal: number;
  /** How many parts the predicted clause has; 0 leaves the example out of the clause's accuracy. */
  readonly predictedTotal: number;
}

export type ClauseScores = Readonly<Record<ClauseName, ClauseScore>>;

export interface ExactSetMatch {
  readonly match: 0 | 1;
  readonly clauses: ClauseScores;
}

/**
 * Exact set match without values (Yu et al., EMNLP 2018; `eval_exact_match` of taoyds/test-suite-sql-eval with DISABLE_VALUE and
 * DISABLE_DISTINCT, its defaults): every clause holds the same set of parts, literals and DISTINCT put aside, columns of one foreign key
 * taken as one. `foreignKeys` is from `foreignKeyMap`.
 *
 * How far values, DISTINCT and foreign keys are put aside is uneven, and is kept so: a query nested in a condition loses its literals
 * but keeps its columns and DISTINCT, a query in FROM keeps all, and the far side of a set operation maps columns of the outer FROM only.
 */
export function exactSetMatch(
  schema: ParserSchema,
  foreignKeys: ReadonlyMap<string, string>,
  gold: SpiderSql,
  predicted: SpiderSql,
): ExactSetMatch {
  return compare(mapColumns(withoutValues(predicted), schema, foreignKeys), mapColumns(withoutValues(gold), schema, foreignKeys));
}

function withoutValues(sql: SpiderSql): SpiderSql {
  return {
    ...sql,
    from: { ...sql.from, conds: conditionsWithoutValues(sql.from.conds) },
    where: conditionsWithoutValues(sql.where),
    having: conditionsWithoutValues(sql.having),
    intersect: sql.intersect && withoutValues(sql.intersect),
    union: sql.union && withoutValues(sql.union),
    except: sql.except && withoutValues(sql.except),
  };
}

function conditionsWithoutValues(conditions: Conditions): Conditions {
  const keepNested = (value: ConditionValue): SpiderSql | null => (isNestedSql(value) ? withoutValues(value) : null);
  return conditions.map((part) =>
    typeof part === 'string' ? part : [part[0], part[1], part[2], keepNested(part[3]), keepNested(part[4])],
  );
}

function mapColumns(sql: SpiderSql, schema: ParserSchema, foreignKeys: ReadonlyMap<string, string>): SpiderSql {
  const tables = new Set(sql.from.table_units.flatMap((unit) => (unit[0] === 'table_unit' ? [unit[1].slice(0, -2)] : [])));
  const inScope = new Set(
    [...schema.identifiers.values()].filter((name) => name.includes('.') && tables.has(name.slice(0, name.indexOf('.')))),
  );
  const mapColumn = ([aggregation, column]: ColumnUnit): ColumnUnit => [
    aggregation,
    (inScope.has(column) ? foreignKeys.get(column) : undefined) ?? column,
    null,
  ];
  const mapUnit = ([operator, left, right]: ValueUnit): ValueUnit => [operator, mapColumn(left), right && mapColumn(right)];
  const mapConditions = (conditions: Conditions): Conditions =>
    conditions.map((part) => (typeof part === 'string' ? part : [part[0], part[1], mapUnit(part[2]), part[3], part[4]]));
  const mapOrder = (order: OrderBy): OrderBy => (order.length === 0 ? order : [order[0], order[1].map(mapUnit)]);
  const mapQuery = (query: SpiderSql): SpiderSql => ({
    from: { table_units: query.from.table_units, conds: mapConditions(query.from.conds) },
    select: [null, query.select[1].map(([aggregation, unit]) => [aggregation, mapUnit(unit)])],
    where: mapConditions(query.where),
    groupBy: query.groupBy.map(mapColumn),
    having: mapConditions(query.having),
    orderBy: mapOrder(query.orderBy),
    limit: query.limit,
    intersect: query.intersect && mapQuery(query.intersect),
    union: query.union && mapQuery(query.union),
    except: query.except && mapQuery(query.except),
  });
  return mapQuery(sql);
}

function compare(predicted: SpiderSql, gold: SpiderSql): ExactSetMatch {
  const clauses = clauseScores(predicted, gold);
  const tablesMatch = gold.from.table_units.length === 0 || sameTables(predicted.from.table_units, gold.from.table_units);
  const match = tablesMatch && CLAUSE_SCORES.every((clause) => clauses[clause].match === 1) ? 1 : 0;
  return { match, clauses };
}

function clauseScores(predicted: SpiderSql, gold: SpiderSql): ClauseScores {
  const predictedWhere = conditionUnits(predicted.where);
  const goldWhere = conditionUnits(gold.where);
  const valueUnit = (unit: ConditionUnit): ValueUnit => unit[2];
  return {
    select: bagScore(predicted.select[1], gold.select[1]),
    'select(no AGG)': bagScore(
      predicted.select[1].map((unit) => unit[1]),
      gold.select[1].map((unit) => unit[1]),
    ),
    where: bagScore(predictedWhere, goldWhere),
    'where(no OP)': bagScore(predictedWhere.map(valueUnit), goldWhere.map(valueUnit)),
    'group(no Having)': bagScore(predicted.groupBy.map(bareColumn), gold.groupBy.map(bareColumn)),
    group: havingScore(predicted, gold),
    order: orderScore(predicted, gold),
    'and/or': connectorScore(predicted, gold),
    IUEN: setOperationScore(predicted, gold),
    keywords: keywordScore(predicted, gold),
  };
}

function score(count: number, predictedTotal: number, goldTotal: number): ClauseScore {
  return { match: predictedTotal === goldTotal && count === predictedTotal ? 1 : 0, goldTotal, predictedTotal };
}

/** How much of one bag is in the other, by deep equality. */
function bagScore(predicted: readonly unknown[], gold: readonly unknown[]): ClauseScore {
  const left = gold.map(fingerprint);
  let count = 0;
  for (const part of predicted.map(fingerprint)) {
    const at = left.indexOf(part);
    if (at < 0) continue;
    left.splice(at, 1);
    count += 1;
  }
  return score(count, predicted.length, gold.length);
}

/** The column without its table: grouping by either side of a join is taken as one. */
function bareColumn(column: ColumnUnit): string {
  const name = column[1];
  return name.includes('.') ? (name.split('.')[1] ?? '') : name;
}

/** GROUP BY and HAVING together; an example without GROUP BY on either side counts as a match of nothing. */
function havingScore(predicted: SpiderSql, gold: SpiderSql): ClauseScore {
  const predictedTotal = predicted.groupBy.length > 0 ? 1 : 0;
  const goldTotal = gold.groupBy.length > 0 ? 1 : 0;
  const columns = (sql: SpiderSql): string[] => sql.groupBy.map((column) => column[1]);
  const matches = predictedTotal === 1 && goldTotal === 1 && same(columns(predicted), columns(gold)) && same(predicted.having, gold.having);
  return score(matches ? 1 : 0, predictedTotal, goldTotal);
}

/** ORDER BY with its order and direction, and whether there is a LIMIT, whatever its number. */
function orderScore(predicted: SpiderSql, gold: SpiderSql): ClauseScore {
  const matches = gold.orderBy.length > 0 && same(predicted.orderBy, gold.orderBy) && (predicted.limit === null) === (gold.limit === null);
  return score(matches ? 1 : 0, predicted.orderBy.length > 0 ? 1 : 0, gold.orderBy.length > 0 ? 1 : 0);
}

function connectorScore(predicted: SpiderSql, gold: SpiderSql): ClauseScore {
  const ofPredicted = new Set(connectors(predicted.where));
  const ofGold = new Set(connectors(gold.where));
  if (ofPredicted.size === ofGold.size && [...ofPredicted].every((connector) => ofGold.has(connector))) return score(1, 1, 1);
  // The official function returns its two totals the other way round here.
  return score(0, ofGold.size, ofPredicted.size);
}

function setOperationScore(predicted: SpiderSql, gold: SpiderSql): ClauseScore {
  let count = 0;
  let predictedTotal = 0;
  let goldTotal = 0;
  for (const operation of ['intersect', 'except', 'union'] as const) {
    const ofPredicted = predicted[operation];
    const ofGold = gold[operation];
    if (ofPredicted !== null) predictedTotal += 1;
    if (ofGold !== null) goldTotal += 1;
    if (ofPredicted !== null && ofGold !== null) count += compare(ofPredicted, ofGold).match;
  }
  return score(count, predictedTotal, goldTotal);
}

function keywordScore(predicted: SpiderSql, gold: SpiderSql): ClauseScore {
  const ofPredicted = keywords(predicted);
  const ofGold = keywords(gold);
  return score([...ofPredicted].filter((keyword) => ofGold.has(keyword)).length, ofPredicted.size, ofGold.size);
}

function keywords(sql: SpiderSql): Set<string> {
  const found = new Set<string>();
  if (sql.where.length > 0) found.add('where');
  if (sql.groupBy.length > 0) found.add('group');
  if (sql.having.length > 0) found.add('having');
  const [direction] = sql.orderBy;
  if (direction !== undefined) found.add(direction).add('order');
  if (sql.limit !== null) found.add('limit');
  for (const operation of ['except', 'union', 'intersect'] as const) if (sql[operation] !== null) found.add(operation);
  for (const conditions of allConditions(sql)) {
    if (connectors(conditions).includes('or')) found.add('or');
    for (const unit of conditionUnits(conditions)) {
      if (unit[0]) found.add('not');
      const operator = CONDITION_OPERATORS[unit[1]];
      if (operator === 'in' || operator === 'like') found.add(operator);
    }
  }
  return found;
}

/** The same tables in any order; a query in FROM must be equal in every part. */
function sameTables(predicted: readonly TableUnit[], gold: readonly TableUnit[]): boolean {
  return same(predicted.map(fingerprint).sort(), gold.map(fingerprint).sort());
}

function same(a: unknown, b: unknown): boolean {
  return fingerprint(a) === fingerprint(b);
}

/** Parses are built by one parser with their keys in one order, so that equal text means equal structure. */
function fingerprint(part: unknown): string {
  return JSON.stringify(part, (_key, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value));
}
