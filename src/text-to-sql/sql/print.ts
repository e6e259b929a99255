import type { Expression, FrameBound, FromItem, Identifier, OrderBy, Query, Select, TableSource, Values, Window } from './ast.ts';
import { quoteString } from '../sql-name.ts';

/**
 * The query in one canonical form: single spaces, keywords in capitals, names and literals as written. Two texts that differ only in
 * blanks, comments and the case of keywords print the same, which is how rules compare expressions.
 */
export function printQuery(query: Query): string {
  const ctes = query.ctes.map((cte) => {
    const columns = cte.columns.length > 0 ? ` (${cte.columns.map(printName).join(', ')})` : '';
    return `${printName(cte.name)}${columns} AS ${cte.materialized === null ? '' : `${cte.materialized} `}(${printQuery(cte.query)})`;
  });
  const parts: string[] = [];
  if (ctes.length > 0) parts.push(`WITH ${query.recursive ? 'RECURSIVE ' : ''}${ctes.join(', ')}`);
  query.cores.forEach((core, index) => {
    const operator = query.operators[index - 1];
    if (operator !== undefined) parts.push(operator);
    parts.push(core.kind === 'select' ? printSelect(core) : printValues(core));
  });
  if (query.orderBy !== null) parts.push(printOrderBy(query.orderBy));
  if (query.limit !== null) {
    parts.push(`LIMIT ${printExpression(query.limit.count)}`);
    if (query.limit.offset !== null) parts.push(`OFFSET ${printExpression(query.limit.offset)}`);
  }
  return parts.join(' ');
}

function printSelect(select: Select): string {
  const columns = select.columns.map((column) => {
    if (column.expression === null) return column.starOf === null ? '*' : `${printName(column.starOf)}.*`;
    return printExpression(column.expression) + printAlias(column.alias);
  });
  const parts = [`SELECT ${select.distinct === null ? '' : 'DISTINCT '}${columns.join(', ')}`];
  if (select.from !== null) parts.push(`FROM ${printFromItems(select.from.items)}`);
  if (select.where !== null) parts.push(`WHERE ${printExpression(select.where.condition)}`);
  if (select.groupBy !== null) parts.push(`GROUP BY ${printList(select.groupBy.expressions)}`);
  if (select.having !== null) parts.push(`HAVING ${printExpression(select.having.condition)}`);
  if (select.windows.length > 0) {
    parts.push(`WINDOW ${select.windows.map((named) => `${printName(named.name)} AS ${printWindow(named.window)}`).join(', ')}`);
  }
  return parts.join(' ');
}

function printValues(values: Values): string {
  return `VALUES ${values.rows.map((row) => `(${printList(row)})`).join(', ')}`;
}

function printOrderBy(orderBy: OrderBy): string {
  const terms = orderBy.terms.map((term) => {
    const direction = term.descending ? ' DESC' : '';
    return printExpression(term.expression) + direction + (term.nulls === null ? '' : ` NULLS ${term.nulls}`);
  });
  return `ORDER BY ${terms.join(', ')}`;
}

function printFromItems(items: readonly FromItem[]): string {
  return items
    .map((item) => {
      const source = printSource(item.source);
      if (item.join === null) return source;
      const head = item.join.operator === ',' ? `, ${source}` : ` ${item.join.operator} ${source}`;
      if (item.join.on !== null) return `${head} ON ${printExpression(item.join.on)}`;
      return item.join.using.length > 0 ? `${head} USING (${item.join.using.map(printName).join(', ')})` : head;
    })
    .join('');
}

function printSource(source: FromItem['source']): string {
  if (source.kind === 'tableSource') return printTable(source);
  if (source.kind === 'subquerySource') return `(${printQuery(source.query)})${printAlias(source.alias)}`;
  return `(${printFromItems(source.items)})${printAlias(source.alias)}`;
}

function printTable(table: TableSource): string {
  const name = (table.schema === null ? '' : `${printName(table.schema)}.`) + printName(table.name);
  const args = table.arguments === null ? '' : `(${printList(table.arguments)})`;
  return name + args + printAlias(table.alias) + (table.indexed === null ? '' : ` ${table.indexed}`);
}

function printAlias(alias: Identifier | null): string {
  return alias === null ? '' : ` AS ${printName(alias)}`;
}

function printList(expressions: readonly Expression[]): string {
  return expressions.map(printExpression).join(', ');
}

/** A name as it was written, with its quotes. */
export function printName(identifier: Identifier): string {
  switch (identifier.quote) {
    case '':
      return identifier.name;
    case '[':
      return `[${identifier.name}]`;
    default:
      return identifier.quote + identifier.name.replaceAll(identifier.quote, identifier.quote + identifier.quote) + identifier.quote;
  }
}

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return expression.type === 'string' ? quoteString(expression.value) : expression.value;
    case 'column':
      return [expression.schema, expression.table, expression.name].flatMap((part) => (part === null ? [] : [printName(part)])).join('.');
    case 'parameter':
      return expression.text;
    case 'unary':
      return expression.operator === 'NOT'
        ? `NOT ${printExpression(expression.operand)}`
        : `${expression.operator} ${printExpression(expression.operand)}`;
    case 'binary':
      return `${printExpression(expression.left)} ${expression.operator} ${printExpression(expression.right)}`;
    case 'like': {
      const escape = expression.escape === null ? '' : ` ESCAPE ${printExpression(expression.escape)}`;
      return `${printExpression(expression.left)} ${expression.not === null ? '' : 'NOT '}${expression.operator} ${printExpression(expression.right)}${escape}`;
    }
    case 'between': {
      const not = expression.not === null ? '' : 'NOT ';
      return `${printExpression(expression.operand)} ${not}BETWEEN ${printExpression(expression.low)} AND ${printExpression(expression.high)}`;
    }
    case 'in': {
      const head = `${printExpression(expression.operand)} ${expression.not === null ? '' : 'NOT '}IN `;
      if (expression.table !== null) return head + printTable(expression.table);
      return `${head}(${expression.query === null ? printList(expression.items ?? []) : printQuery(expression.query)})`;
    }
    case 'nullTest':
      return `${printExpression(expression.operand)} ${expression.not ? 'NOTNULL' : 'ISNULL'}`;
    case 'case': {
      const branches = expression.branches.map((branch) => `WHEN ${printExpression(branch.when)} THEN ${printExpression(branch.then)} `);
      const operand = expression.operand === null ? '' : `${printExpression(expression.operand)} `;
      const otherwise = expression.otherwise === null ? '' : `ELSE ${printExpression(expression.otherwise)} `;
      return `CASE ${operand}${branches.join('')}${otherwise}END`;
    }
    case 'cast':
      return `CAST(${printExpression(expression.operand)} AS ${expression.type})`;
    case 'collate':
      return `${printExpression(expression.operand)} COLLATE ${printName(expression.collation)}`;
    case 'call': {
      const order = expression.orderBy === null ? '' : ` ${printOrderBy(expression.orderBy)}`;
      const inside = expression.star ? '*' : (expression.distinct === null ? '' : 'DISTINCT ') + printList(expression.arguments) + order;
      const filter = expression.filter === null ? '' : ` FILTER (WHERE ${printExpression(expression.filter)})`;
      const over =
        expression.over !== null
          ? ` OVER ${printWindow(expression.over)}`
          : expression.overName !== null
            ? ` OVER ${printName(expression.overName)}`
            : '';
      return `${printName(expression.name)}(${inside})${filter}${over}`;
    }
    case 'exists':
      return `EXISTS (${printQuery(expression.query)})`;
    case 'subquery':
      return `(${printQuery(expression.query)})`;
    case 'parenthesised':
      return `(${printList(expression.items)})`;
  }
}

function printWindow(window: Window): string {
  const parts: string[] = [];
  if (window.base !== null) parts.push(printName(window.base));
  if (window.partitionBy.length > 0) parts.push(`PARTITION BY ${printList(window.partitionBy)}`);
  if (window.orderBy !== null) parts.push(printOrderBy(window.orderBy));
  const frame = window.frame;
  if (frame !== null) {
    const bounds = frame.to === null ? printBound(frame.from) : `BETWEEN ${printBound(frame.from)} AND ${printBound(frame.to)}`;
    parts.push(`${frame.unit} ${bounds}${frame.exclude === null ? '' : ` EXCLUDE ${frame.exclude}`}`);
  }
  return `(${parts.join(' ')})`;
}

function printBound(bound: FrameBound): string {
  return bound.expression === null ? bound.type : `${printExpression(bound.expression)} ${bound.type}`;
}

const PLAIN_NAME = /^[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*$/;
/** Every keyword of SQLite (https://sqlite.org/lang_keywords.html): some could stand bare, quoting them all is right everywhere. */
const KEYWORDS = new Set(
  `ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN
   COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC
   DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL
   GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST
   LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION PLAN PRAGMA
   PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS
   SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE FALSE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW
   VIRTUAL WHEN WHERE WINDOW WITH WITHOUT`.split(/\s+/),
);

/** A name as SQL: bare where it can be, in double quotes where it must. */
export function quoteName(name: string): string {
  return PLAIN_NAME.test(name) && !KEYWORDS.has(name.toUpperCase()) ? name : `"${name.replaceAll('"', '""')}"`;
}
