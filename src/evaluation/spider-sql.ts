import type { Schema } from '../database/database.ts';
import { wordTokenize } from './word-tokenize.ts';

/**
 * SQL as Spider's official parser sees it (Yu et al., EMNLP 2018; `process_sql.py` of taoyds/test-suite-sql-eval): the parse that exact
 * set match and hardness are defined on. It is no SQL parser: it knows one level of arithmetic, table aliases only with AS, one set
 * operation a block, no outer joins, and fails on the rest. Where it fails, exact set match is 0 by definition, so its limits are part of the metric.
 *
 * The JSON shapes are those of `sql` in dev.json.
 */
export type ColumnUnit = readonly [aggregation: number, column: string, distinct: boolean | null];
export type ValueUnit = readonly [operator: number, left: ColumnUnit, right: ColumnUnit | null];
/** A number, a string with its quotes, a column, or a nested query. */
export type ConditionValue = number | string | ColumnUnit | SpiderSql | null;
export type ConditionUnit = readonly [not: boolean, operator: number, unit: ValueUnit, value: ConditionValue, second: ConditionValue];
/** Condition units with 'and' or 'or' between them. */
export type Conditions = readonly (ConditionUnit | string)[];
export type TableUnit = readonly ['table_unit', string] | readonly ['sql', SpiderSql];
export type SelectUnit = readonly [aggregation: number, unit: ValueUnit];
export type OrderBy = readonly [] | readonly [direction: string, units: readonly ValueUnit[]];

export interface SpiderSql {
  readonly from: { readonly table_units: readonly TableUnit[]; readonly conds: Conditions };
  readonly select: readonly [distinct: boolean | null, units: readonly SelectUnit[]];
  readonly where: Conditions;
  readonly groupBy: readonly ColumnUnit[];
  readonly having: Conditions;
  readonly orderBy: OrderBy;
  /** 1 where there is a limit, whatever its number: the official parser looks for an `int` among strings and never finds one. */
  readonly limit: number | null;
  readonly intersect: SpiderSql | null;
  readonly union: SpiderSql | null;
  readonly except: SpiderSql | null;
}

/** What the evaluator puts in a prediction's place when it does not parse. */
export const EMPTY_SQL: SpiderSql = {
  from: { table_units: [], conds: [] },
  select: [false, []],
  where: [],
  groupBy: [],
  having: [],
  orderBy: [],
  limit: null,
  intersect: null,
  union: null,
  except: null,
};

export const CONDITION_OPERATORS = ['not', 'between', '=', '>', '<', '>=', '<=', '!=', 'in', 'like', 'is', 'exists'] as const;
const UNIT_OPERATORS = ['none', '-', '+', '*', '/'];
const AGGREGATIONS = ['none', 'max', 'min', 'count', 'sum', 'avg'];
const CLAUSES = new Set(['select', 'from', 'where', 'group', 'order', 'limit', 'intersect', 'union', 'except']);
const JOINS = new Set(['join', 'on', 'as']);
const SET_OPERATIONS = new Set(['intersect', 'union', 'except']);

/** Tables and columns by their lower-case names; columns are identified as `__table.column__`, `*` as `__all__`, tables as `__table__`. */
export interface ParserSchema {
  readonly columns: ReadonlyMap<string, ReadonlySet<string>>;
  readonly identifiers: ReadonlyMap<string, string>;
}

/** The parser's view of a database: its tables, views left out, as `sqlite_master` gives them. */
export function parserSchema(schema: Schema): ParserSchema {
  const columns = new Map<string, Set<string>>();
  for (const table of schema.tables) {
    if (table.kind === 'table') columns.set(table.name.toLowerCase(), new Set(table.columns.map((column) => column.name.toLowerCase())));
  }
  const identifiers = new Map([['*', '__all__']]);
  for (const [table, names] of columns) for (const name of names) identifiers.set(`${table}.${name}`, `__${table}.${name}__`);
  for (const table of columns.keys()) identifiers.set(table, `__${table}__`);
  return { columns, identifiers };
}

/** The official parser gave up: the SQL is outside what it knows. It says nothing about whether SQLite runs the SQL. */
export class SpiderSqlError extends Error {
  override readonly name = 'SpiderSqlError';
}

/** Parses as `get_sql` does. Throws SpiderSqlError wherever the official parser raises any exception. */
export function parseSpiderSql(schema: ParserSchema, sql: string): SpiderSql {
  return new Parser(schema, tokenize(sql)).parse();
}

/** `parseSpiderSql` for a caller who wants to know only whether it parses. */
export function tryParseSpiderSql(schema: ParserSchema, sql: string): SpiderSql | null {
  try {
    return parseSpiderSql(schema, sql);
  } catch (error) {
    // A parse that nests too deep ends Python's parser by its recursion limit as it does ours.
    if (error instanceof SpiderSqlError || error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * Lower-case tokens, string literals kept whole in double quotes. A single quote counts as a double one, so that an apostrophe inside a
 * literal leaves an odd number of quotes, and the parser fails.
 */
function tokenize(sql: string): string[] {
  let text = sql.replaceAll("'", '"');
  const quotes: number[] = [];
  // Offsets only serve as names for the literals, so UTF-16 offsets do as well as Python's code points.
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes.push(at);
  check(quotes.length % 2 === 0, 'Unexpected quote');

  const literals = new Map<string, string>();
  for (let index = quotes.length - 1; index > 0; index -= 2) {
    const start = quotes[index - 1] ?? 0;
    const end = quotes[index] ?? 0;
    const name = `__val_${String(start)}_${String(end)}__`;
    literals.set(name, text.slice(start, end + 1));
    text = text.slice(0, start) + name + text.slice(end + 1);
  }

  let tokens = wordTokenize(text).map((word) => {
    const token = word.toLowerCase();
    return literals.get(token) ?? token;
  });

  // `! =`, `> =`, `< =` become one token, the last first. An equals sign at the very start looks at the last token, as Python's -1 does.
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    if (tokens[index] !== '=') continue;
    const before = tokens.at(index - 1);
    if (before === '!' || before === '>' || before === '<')
      tokens = [...tokens.slice(0, index - 1), `${before}=`, ...tokens.slice(index + 1)];
  }
  return tokens;
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new SpiderSqlError(message);
}

/** Recursive descent over the tokens; each method reads from `#at` on. Reading past the end fails, as Python's IndexError does. */
class Parser {
  readonly #schema: ParserSchema;
  readonly #tokens: readonly string[];
  readonly #tables: ReadonlyMap<string, string>;
  #at = 0;

  constructor(schema: ParserSchema, tokens: readonly string[], tables?: ReadonlyMap<string, string>) {
    this.#schema = schema;
    this.#tokens = tokens;
    this.#tables = tables ?? this.#aliases();
  }

  parse(): SpiderSql {
    return this.#sql();
  }

  /** What stands on either side of each AS, tables or not: `count(*) AS n` makes `n` an alias of `)`. */
  #aliases(): Map<string, string> {
    const tables = new Map<string, string>();
    for (const [index, token] of this.#tokens.entries()) {
      if (token !== 'as') continue;
      const alias = this.#tokens[index + 1];
      const named = this.#tokens.at(index - 1);
      check(alias !== undefined && named !== undefined, 'AS stands at the end');
      tables.set(alias, named);
    }
    for (const table of this.#schema.columns.keys()) {
      check(!tables.has(table), `Alias ${table} has the same name in table`);
      tables.set(table, table);
    }
    return tables;
  }

  get #here(): string {
    const token = this.#tokens[this.#at];
    check(token !== undefined, 'The query ends too early');
    return token;
  }

  #open(): boolean {
    return this.#at < this.#tokens.length;
  }

  #accept(token: string): boolean {
    if (this.#here !== token) return false;
    this.#at += 1;
    return true;
  }

  /** Like `#accept`, at the end of the query as well. */
  #acceptIfAny(token: string): boolean {
    return this.#open() && this.#accept(token);
  }

  #expect(token: string): void {
    check(this.#accept(token), `Expected ${token}`);
  }

  #identifier(key: string): string {
    const identifier = this.#schema.identifiers.get(key);
    check(identifier !== undefined, `Unknown name ${key}`);
    return identifier;
  }

  #table(alias: string): string {
    const table = this.#tables.get(alias);
    check(table !== undefined, `Unknown table ${alias}`);
    return table;
  }

  #column(defaultTables: readonly string[] | undefined): string {
    const token = this.#here;
    this.#at += 1;
    if (token === '*') return this.#identifier('*');
    if (token.includes('.')) {
      const parts = token.split('.');
      const [alias, column] = parts;
      check(parts.length === 2 && alias !== undefined && column !== undefined, `Error col: ${token}`);
      return this.#identifier(`${this.#table(alias)}.${column}`);
    }
    check(defaultTables !== undefined && defaultTables.length > 0, 'Default tables should not be None or empty');
    for (const alias of defaultTables) {
      const table = this.#table(alias);
      const columns = this.#schema.columns.get(table);
      check(columns !== undefined, `Unknown table ${table}`);
      if (columns.has(token)) return this.#identifier(`${table}.${token}`);
    }
    throw new SpiderSqlError(`Error col: ${token}`);
  }

  #columnUnit(defaultTables: readonly string[] | undefined): ColumnUnit {
    const block = this.#accept('(');
    const aggregation = AGGREGATIONS.indexOf(this.#here);
    if (aggregation >= 0) {
      this.#at += 1;
      this.#expect('(');
      const distinct = this.#accept('distinct');
      const column = this.#column(defaultTables);
      this.#expect(')');
      // A bracket around an aggregation stays open here: the official parser returns without closing it.
      return [aggregation, column, distinct];
    }
    const distinct = this.#accept('distinct');
    const column = this.#column(defaultTables);
    if (block) this.#expect(')');
    return [0, column, distinct];
  }

  #valueUnit(defaultTables: readonly string[] | undefined): ValueUnit {
    const block = this.#accept('(');
    const left = this.#columnUnit(defaultTables);
    let operator = 0;
    let right: ColumnUnit | null = null;
    if (this.#open() && UNIT_OPERATORS.includes(this.#here)) {
      operator = UNIT_OPERATORS.indexOf(this.#here);
      this.#at += 1;
      right = this.#columnUnit(defaultTables);
    }
    if (block) this.#expect(')');
    return [operator, left, right];
  }

  #value(defaultTables: readonly string[] | undefined): ConditionValue {
    const start = this.#at;
    const block = this.#accept('(');
    const token = this.#here;
    let value: ConditionValue;
    const number = pythonFloat(token);
    if (token === 'select') {
      value = this.#sql();
    } else if (token.includes('"')) {
      value = token;
      this.#at += 1;
    } else if (number !== null) {
      value = number;
      this.#at += 1;
    } else {
      let end = this.#at;
      while (end < this.#tokens.length && !endsValue(this.#tokens[end] ?? '')) end += 1;
      // The column is read from the tokens up to the next comma, bracket, AND, clause or join alone; what it leaves unread is skipped.
      value = new Parser(this.#schema, this.#tokens.slice(start, end), this.#tables).#columnUnit(defaultTables);
      this.#at = end;
    }
    if (block) this.#expect(')');
    return value;
  }

  #conditions(defaultTables: readonly string[] | undefined): (ConditionUnit | string)[] {
    const conditions: (ConditionUnit | string)[] = [];
    while (this.#open()) {
      const unit = this.#valueUnit(defaultTables);
      const not = this.#accept('not');
      const operator = CONDITION_OPERATORS.findIndex((name) => name === this.#here);
      check(operator >= 0, 'Error condition');
      this.#at += 1;
      const value = this.#value(defaultTables);
      let second: ConditionValue = null;
      if (CONDITION_OPERATORS[operator] === 'between') {
        this.#expect('and');
        second = this.#value(defaultTables);
      }
      conditions.push([not, operator, unit, value, second]);
      if (!this.#open()) break;
      const next = this.#here;
      if (CLAUSES.has(next) || next === ')' || next === ';' || JOINS.has(next)) break;
      if (next === 'and' || next === 'or') {
        conditions.push(next);
        this.#at += 1;
      }
    }
    return conditions;
  }

  #select(defaultTables: readonly string[]): SpiderSql['select'] {
    this.#expect('select');
    const distinct = this.#acceptIfAny('distinct');
    const units: SelectUnit[] = [];
    while (this.#open() && !CLAUSES.has(this.#here)) {
      let aggregation = AGGREGATIONS.indexOf(this.#here);
      if (aggregation >= 0) this.#at += 1;
      else aggregation = 0;
      units.push([aggregation, this.#valueUnit(defaultTables)]);
      this.#acceptIfAny(',');
    }
    return [distinct, units];
  }

  #from(): { units: TableUnit[]; conditions: (ConditionUnit | string)[]; defaultTables: string[] } {
    const from = this.#tokens.indexOf('from', this.#at);
    check(from >= 0, "'from' not found");
    this.#at = from + 1;
    const units: TableUnit[] = [];
    const conditions: (ConditionUnit | string)[] = [];
    const defaultTables: string[] = [];
    while (this.#open()) {
      const block = this.#accept('(');
      if (this.#here === 'select') {
        units.push(['sql', this.#sql()]);
      } else {
        this.#acceptIfAny('join');
        const table = this.#table(this.#here);
        this.#at += this.#tokens[this.#at + 1] === 'as' ? 3 : 1;
        units.push(['table_unit', this.#identifier(table)]);
        defaultTables.push(table);
      }
      if (this.#acceptIfAny('on')) {
        const joined = this.#conditions(defaultTables);
        if (conditions.length > 0) conditions.push('and');
        conditions.push(...joined);
      }
      if (block) this.#expect(')');
      if (this.#open() && this.#endsClause()) break;
    }
    return { units, conditions, defaultTables };
  }

  #endsClause(): boolean {
    return CLAUSES.has(this.#here) || this.#here === ')' || this.#here === ';';
  }

  #groupBy(defaultTables: readonly string[]): ColumnUnit[] {
    const units: ColumnUnit[] = [];
    if (!this.#acceptIfAny('group')) return units;
    this.#expect('by');
    while (this.#open() && !this.#endsClause()) {
      units.push(this.#columnUnit(defaultTables));
      if (!this.#acceptIfAny(',')) break;
    }
    return units;
  }

  #orderBy(defaultTables: readonly string[]): OrderBy {
    if (!this.#acceptIfAny('order')) return [];
    this.#expect('by');
    const units: ValueUnit[] = [];
    // One direction for the whole clause: the last one written.
    let direction = 'asc';
    while (this.#open() && !this.#endsClause()) {
      units.push(this.#valueUnit(defaultTables));
      if (this.#open() && (this.#here === 'desc' || this.#here === 'asc')) {
        direction = this.#here;
        this.#at += 1;
      }
      if (!this.#acceptIfAny(',')) break;
    }
    return [direction, units];
  }

  #limit(): number | null {
    if (!this.#acceptIfAny('limit')) return null;
    check(this.#open(), 'LIMIT without a number');
    this.#at += 1;
    return 1;
  }

  #skipSemicolons(): void {
    while (this.#acceptIfAny(';'));
  }

  #sql(): SpiderSql {
    const start = this.#at;
    const block = this.#accept('(');
    const select = this.#at;
    this.#at = start;
    const { units, conditions, defaultTables } = this.#from();
    const afterFrom = this.#at;
    this.#at = select;
    const selected = this.#select(defaultTables);
    this.#at = afterFrom;
    const where = this.#acceptIfAny('where') ? this.#conditions(defaultTables) : [];
    const groupBy = this.#groupBy(defaultTables);
    const having = this.#acceptIfAny('having') ? this.#conditions(defaultTables) : [];
    const orderBy = this.#orderBy(defaultTables);
    const limit = this.#limit();
    this.#skipSemicolons();
    if (block) this.#expect(')');
    this.#skipSemicolons();
    const operations: { intersect: SpiderSql | null; union: SpiderSql | null; except: SpiderSql | null } = {
      intersect: null,
      union: null,
      except: null,
    };
    if (this.#open() && SET_OPERATIONS.has(this.#here)) {
      const operation = this.#here;
      this.#at += 1;
      const other = this.#sql();
      if (operation === 'intersect') operations.intersect = other;
      else if (operation === 'union') operations.union = other;
      else operations.except = other;
    }
    return { from: { table_units: units, conds: conditions }, select: selected, where, groupBy, having, orderBy, limit, ...operations };
  }
}

function endsValue(token: string): boolean {
  return token === ',' || token === ')' || token === 'and' || CLAUSES.has(token) || JOINS.has(token);
}

/** Python's `float(text)`: the number, or null where Python raises ValueError. Underscores between digits, `inf` and `nan` are numbers. */
function pythonFloat(text: string): number | null {
  const signed = /^([+-]?)(inf|infinity|nan)$/iu.exec(text);
  if (signed !== null) return signed[2] === 'nan' ? Number.NaN : signed[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/iu.test(text)) return null;
  return Number(text.replaceAll('_', ''));
}
