import { failure, success, type Result } from '../../result.ts';
import type {
  CaseBranch,
  Clause,
  ColumnReference,
  CompoundOperator,
  Cte,
  Expression,
  Frame,
  FrameBound,
  From,
  FromItem,
  GroupBy,
  GroupSource,
  Identifier,
  Join,
  Limit,
  NamedWindow,
  OrderBy,
  OrderTerm,
  Query,
  ResultColumn,
  Select,
  Span,
  SubquerySource,
  TableSource,
  Values,
  Window,
} from './ast.ts';
import { tokenize, type SyntaxProblem, type Token } from './tokenize.ts';

/** SQLite refuses expressions deeper than 1,000; ours ends earlier so that no engine's stack does. */
const MAX_DEPTH = 120;

/** Words that SQLite's grammar never reads as a name (https://sqlite.org/src/file/src/parse.y: keywords without %fallback ID). */
const RESERVED = new Set(
  `ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE ESCAPE
   EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY
   REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE`.split(/\s+/),
);
const JOIN_WORDS = new Set(['NATURAL', 'LEFT', 'RIGHT', 'FULL', 'INNER', 'CROSS', 'OUTER', 'JOIN']);
/** Words that may be names elsewhere but after a complete expression or table go on with the statement. */
const NOT_AN_ALIAS = new Set([
  'LIKE',
  'GLOB',
  'REGEXP',
  'MATCH',
  'WINDOW',
  'END',
  'INDEXED',
  'OFFSET',
  'ASC',
  'DESC',
  'NULLS',
  ...JOIN_WORDS,
]);
const TIME_WORDS = new Set(['CURRENT_DATE', 'CURRENT_TIME', 'CURRENT_TIMESTAMP']);

const PRECEDENCE: Readonly<Record<string, number>> = {
  OR: 1,
  AND: 2,
  '=': 4,
  '==': 4,
  '!=': 4,
  '<>': 4,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '&': 6,
  '|': 6,
  '<<': 6,
  '>>': 6,
  '+': 7,
  '-': 7,
  '*': 8,
  '/': 8,
  '%': 8,
  '||': 9,
  '->': 9,
  '->>': 9,
};
const NOT_LEVEL = 3;
const EQUALITY_LEVEL = 4;
const COMPARISON_LEVEL = 5;
const COLLATE_LEVEL = 10;

class SyntaxStop extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/**
 * Reads one SELECT, WITH or VALUES statement in SQLite's grammar (https://sqlite.org/lang_select.html); a semicolon may end it.
 * Every node carries its place in `source`. Never throws: what cannot be read is a problem with a place.
 */
export function parseQuery(source: string): Result<Query, SyntaxProblem> {
  const tokens = tokenize(source);
  if (!tokens.ok) return tokens;
  try {
    return success(new Parser(source, tokens.value).statement());
  } catch (error) {
    if (error instanceof SyntaxStop) return failure({ message: error.message, at: error.at });
    throw error;
  }
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(source: string, tokens: readonly Token[]) {
    this.#source = source;
    this.#tokens = tokens;
  }

  statement(): Query {
    const query = this.#query();
    while (this.#takeOperator(';')) continue;
    if (this.#peek().type !== 'end') this.#stop();
    return query;
  }

  // ---- tokens

  #peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new SyntaxStop('There is no SQL here.', 0);
    return token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#index += 1;
    return token;
  }

  #lastEnd(): number {
    return this.#tokens[this.#index - 1]?.end ?? 0;
  }

  #stop(expected?: string): never {
    const token = this.#peek();
    const found = token.type === 'end' ? 'the statement ends' : `“${this.#source.slice(token.start, token.end)}” stands`;
    throw new SyntaxStop(
      expected === undefined ? `The statement cannot go on where ${found}.` : `Expected ${expected} where ${found}.`,
      token.start,
    );
  }

  #isWord(word: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.type === 'word' && token.value === word;
  }

  #isOperator(operator: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.type === 'operator' && token.value === operator;
  }

  #takeWord(word: string): Token | null {
    return this.#isWord(word) ? this.#next() : null;
  }

  #takeOperator(operator: string): Token | null {
    return this.#isOperator(operator) ? this.#next() : null;
  }

  #word(word: string): Token {
    return this.#takeWord(word) ?? this.#stop(word);
  }

  /** One of two words, which one. */
  #either<First extends string, Second extends string>(first: First, second: Second): First | Second {
    if (this.#takeWord(first)) return first;
    this.#word(second);
    return second;
  }

  #operator(operator: string): Token {
    return this.#takeOperator(operator) ?? this.#stop(`“${operator}”`);
  }

  #span(start: number): Span {
    return { start, end: this.#lastEnd() };
  }

  #nested<Value>(read: () => Value): Value {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.#stop('a statement that is less deeply nested');
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #list<Value>(read: () => Value): Value[] {
    const values = [read()];
    while (this.#takeOperator(',')) values.push(read());
    return values;
  }

  // ---- names

  #isName(ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.type === 'quoted' || (token.type === 'word' && !RESERVED.has(token.value));
  }

  #toIdentifier(token: Token): Identifier {
    const written = this.#source.slice(token.start, token.end);
    if (token.type === 'word') return { name: written, quote: '', start: token.start, end: token.end };
    const first = written.charAt(0);
    const quote = first === '"' || first === '`' || first === '[' || first === "'" ? first : '';
    return { name: token.value, quote, start: token.start, end: token.end };
  }

  /** A name; SQLite also takes a string in single quotes where only a name can stand. */
  #name(what = 'a name'): Identifier {
    if (this.#isName() || this.#peek().type === 'string') return this.#toIdentifier(this.#next());
    return this.#stop(what);
  }

  #alias(): Identifier | null {
    if (this.#takeWord('AS')) return this.#name('an alias');
    const token = this.#peek();
    if (token.type === 'quoted' || token.type === 'string') return this.#toIdentifier(this.#next());
    if (token.type === 'word' && !RESERVED.has(token.value) && !NOT_AN_ALIAS.has(token.value)) return this.#toIdentifier(this.#next());
    return null;
  }

  // ---- queries

  #query(): Query {
    return this.#nested(() => {
      const start = this.#peek().start;
      let recursive = false;
      let ctes: Cte[] = [];
      if (this.#takeWord('WITH')) {
        if (this.#isWord('RECURSIVE') && !this.#isWord('AS', 1) && !this.#isOperator('(', 1)) {
          this.#next();
          recursive = true;
        }
        ctes = this.#list(() => this.#cte());
      }
      const cores = [this.#core()];
      const operators: CompoundOperator[] = [];
      for (let operator = this.#compoundOperator(); operator !== null; operator = this.#compoundOperator()) {
        operators.push(operator);
        cores.push(this.#core());
      }
      const orderBy = this.#isWord('ORDER') ? this.#orderBy() : null;
      const limit = this.#isWord('LIMIT') ? this.#limit() : null;
      return { kind: 'query', recursive, ctes, cores, operators, orderBy, limit, ...this.#span(start) };
    });
  }

  #compoundOperator(): CompoundOperator | null {
    if (this.#takeWord('UNION')) return this.#takeWord('ALL') ? 'UNION ALL' : 'UNION';
    if (this.#takeWord('INTERSECT')) return 'INTERSECT';
    return this.#takeWord('EXCEPT') ? 'EXCEPT' : null;
  }

  #cte(): Cte {
    const name = this.#name('the name of a WITH table');
    let columns: Identifier[] = [];
    if (this.#takeOperator('(')) {
      columns = this.#list(() => this.#name('a column name'));
      this.#operator(')');
    }
    this.#word('AS');
    let materialized: Cte['materialized'] = null;
    if (this.#takeWord('NOT')) {
      this.#word('MATERIALIZED');
      materialized = 'NOT MATERIALIZED';
    } else if (this.#takeWord('MATERIALIZED')) {
      materialized = 'MATERIALIZED';
    }
    this.#operator('(');
    const query = this.#query();
    this.#operator(')');
    return { kind: 'cte', name, columns, materialized, query, ...this.#span(name.start) };
  }

  #core(): Select | Values {
    const start = this.#peek().start;
    if (this.#takeWord('VALUES')) {
      const rows = this.#list(() => {
        this.#operator('(');
        const row = this.#list(() => this.#expression());
        this.#operator(')');
        return row;
      });
      return { kind: 'values', rows, ...this.#span(start) };
    }
    this.#word('SELECT');
    const distinct = this.#takeWord('DISTINCT');
    if (distinct === null) this.#takeWord('ALL');
    const columns = this.#list(() => this.#resultColumn());
    const from = this.#isWord('FROM') ? this.#from() : null;
    const where = this.#isWord('WHERE') ? this.#clause() : null;
    let groupBy: GroupBy | null = null;
    if (this.#isWord('GROUP')) {
      const groupStart = this.#next().start;
      this.#word('BY');
      const expressions = this.#list(() => this.#expression());
      groupBy = { kind: 'groupBy', expressions, ...this.#span(groupStart) };
    }
    const having = this.#isWord('HAVING') ? this.#clause() : null;
    let windows: NamedWindow[] = [];
    if (this.#takeWord('WINDOW')) {
      windows = this.#list(() => {
        const name = this.#name('the name of a window');
        this.#word('AS');
        return { kind: 'namedWindow' as const, name, window: this.#window(), ...this.#span(name.start) };
      });
    }
    return { kind: 'select', distinct: spanOf(distinct), columns, from, where, groupBy, having, windows, ...this.#span(start) };
  }

  #clause(): Clause {
    const start = this.#next().start;
    const condition = this.#expression();
    return { kind: 'clause', condition, ...this.#span(start) };
  }

  #resultColumn(): ResultColumn {
    const start = this.#peek().start;
    if (this.#takeOperator('*')) return { kind: 'result', expression: null, starOf: null, alias: null, ...this.#span(start) };
    if (this.#isName() && this.#isOperator('.', 1) && this.#isOperator('*', 2)) {
      const starOf = this.#name();
      this.#next();
      this.#next();
      return { kind: 'result', expression: null, starOf, alias: null, ...this.#span(start) };
    }
    const expression = this.#expression();
    const alias = this.#alias();
    return { kind: 'result', expression, starOf: null, alias, ...this.#span(start) };
  }

  #orderBy(): OrderBy {
    const start = this.#word('ORDER').start;
    this.#word('BY');
    const terms = this.#list((): OrderTerm => {
      const expression = this.#expression();
      const direction = this.#takeWord('ASC') ?? this.#takeWord('DESC');
      let nulls: OrderTerm['nulls'] = null;
      if (this.#takeWord('NULLS')) nulls = this.#either('FIRST', 'LAST');
      return {
        kind: 'orderTerm',
        expression,
        descending: direction?.value === 'DESC',
        direction: spanOf(direction),
        nulls,
        ...this.#span(expression.start),
      };
    });
    return { kind: 'orderBy', terms, ...this.#span(start) };
  }

  #limit(): Limit {
    const start = this.#word('LIMIT').start;
    const first = this.#expression();
    if (this.#takeWord('OFFSET')) {
      const offset = this.#expression();
      return { kind: 'limit', count: first, offset, ...this.#span(start) };
    }
    if (this.#takeOperator(',')) {
      const count = this.#expression();
      return { kind: 'limit', count, offset: first, ...this.#span(start) };
    }
    return { kind: 'limit', count: first, offset: null, ...this.#span(start) };
  }

  // ---- FROM

  #from(): From {
    const start = this.#word('FROM').start;
    const items = this.#fromItems();
    return { kind: 'from', items, ...this.#span(start) };
  }

  #fromItems(): FromItem[] {
    const first = this.#fromSource();
    const items: FromItem[] = [{ kind: 'fromItem', join: null, source: first, start: first.start, end: first.end }];
    for (;;) {
      const start = this.#peek().start;
      const operator = this.#joinOperator();
      if (operator === null) return items;
      const operatorSpan = this.#span(start);
      const source = this.#fromSource();
      let on: Expression | null = null;
      let using: Identifier[] = [];
      if (this.#takeWord('ON')) on = this.#expression();
      else if (this.#takeWord('USING')) {
        this.#operator('(');
        using = this.#list(() => this.#name('a column name'));
        this.#operator(')');
      }
      const join: Join = { kind: 'join', operator, operatorSpan, on, using, ...this.#span(start) };
      items.push({ kind: 'fromItem', join, source, ...this.#span(start) });
    }
  }

  #joinOperator(): string | null {
    if (this.#takeOperator(',')) return ',';
    const words: string[] = [];
    let ahead = 0;
    while (this.#peek(ahead).type === 'word' && JOIN_WORDS.has(this.#peek(ahead).value) && words.at(-1) !== 'JOIN') {
      words.push(this.#peek(ahead).value);
      ahead += 1;
    }
    if (words.length === 0) return null;
    if (words.at(-1) !== 'JOIN') this.#stop();
    this.#index += ahead;
    return words.join(' ');
  }

  #fromSource(): FromItem['source'] {
    return this.#nested(() => {
      const start = this.#peek().start;
      if (this.#takeOperator('(')) {
        if (this.#isWord('SELECT') || this.#isWord('VALUES') || this.#isWord('WITH')) {
          const query = this.#query();
          this.#operator(')');
          const alias = this.#alias();
          return { kind: 'subquerySource', query, alias, ...this.#span(start) } satisfies SubquerySource;
        }
        const items = this.#fromItems();
        this.#operator(')');
        const alias = this.#alias();
        return { kind: 'groupSource', items, alias, ...this.#span(start) } satisfies GroupSource;
      }
      return this.#tableSource();
    });
  }

  #tableSource(): TableSource {
    const { start: tableStart, ...table } = this.#qualifiedTable('a table');
    const alias = this.#alias();
    let indexed: string | null = null;
    const start = this.#peek().start;
    if (this.#isWord('INDEXED') && this.#isWord('BY', 1)) {
      this.#index += 2;
      this.#name('an index');
      indexed = this.#source.slice(start, this.#lastEnd());
    } else if (this.#isWord('NOT') && this.#isWord('INDEXED', 1)) {
      this.#index += 2;
      indexed = 'NOT INDEXED';
    }
    return { kind: 'tableSource', ...table, alias, indexed, ...this.#span(tableStart) };
  }

  /** `schema.name(arguments)`, of which only the name must be there; `start` is where it begins. */
  #qualifiedTable(expected: string): Pick<TableSource, 'schema' | 'name' | 'arguments' | 'start'> {
    const first = this.#name(expected);
    let schema: Identifier | null = null;
    let name = first;
    if (this.#takeOperator('.')) {
      schema = first;
      name = this.#name('a table');
    }
    let args: Expression[] | null = null;
    if (this.#takeOperator('(')) {
      args = this.#isOperator(')') ? [] : this.#list(() => this.#expression());
      this.#operator(')');
    }
    return { schema, name, arguments: args, start: first.start };
  }

  // ---- expressions

  #expression(level = 0): Expression {
    return this.#nested(() => this.#operators(this.#prefix(), level));
  }

  #prefix(): Expression {
    const token = this.#peek();
    if (token.type === 'word' && token.value === 'NOT') {
      this.#next();
      const operand = this.#expression(NOT_LEVEL);
      return { kind: 'unary', operator: 'NOT', operand, ...this.#span(token.start) };
    }
    if (token.type === 'operator' && (token.value === '-' || token.value === '+' || token.value === '~')) {
      this.#next();
      const operand = this.#expression(COLLATE_LEVEL + 1);
      return { kind: 'unary', operator: token.value, operand, ...this.#span(token.start) };
    }
    return this.#primary();
  }

  /** Takes the operators that bind at least as tightly as `level`; all are left-associative, as in SQLite. */
  #operators(first: Expression, level: number): Expression {
    let left = first;
    for (;;) {
      const next = this.#operatorStep(left, level);
      if (next === null) return left;
      left = next;
    }
  }

  #operatorStep(left: Expression, level: number): Expression | null {
    const token = this.#peek();
    if (token.type === 'operator') return this.#binary(left, level);
    if (token.type !== 'word') return null;
    switch (token.value) {
      case 'AND':
      case 'OR':
        return this.#binary(left, level);
      case 'COLLATE': {
        if (level > COLLATE_LEVEL) return null;
        this.#next();
        const collation = this.#name('a collation');
        return { kind: 'collate', operand: left, collation, ...this.#span(left.start) };
      }
      case 'ISNULL':
      case 'NOTNULL':
        if (level > EQUALITY_LEVEL) return null;
        this.#next();
        return { kind: 'nullTest', not: token.value === 'NOTNULL', operand: left, ...this.#span(left.start) };
      case 'IS':
        return level > EQUALITY_LEVEL ? null : this.#is(left);
      case 'NOT':
      case 'IN':
      case 'BETWEEN':
      case 'LIKE':
      case 'GLOB':
      case 'REGEXP':
      case 'MATCH':
        return level > EQUALITY_LEVEL ? null : this.#test(left);
      default:
        return null;
    }
  }

  #binary(left: Expression, level: number): Expression | null {
    const token = this.#peek();
    const precedence = PRECEDENCE[token.value];
    if (precedence === undefined || precedence < level) return null;
    this.#next();
    const right = this.#expression(precedence + 1);
    const operator = token.value === '==' ? '=' : token.value === '<>' ? '!=' : token.value;
    return { kind: 'binary', operator, operatorSpan: { start: token.start, end: token.end }, left, right, ...this.#span(left.start) };
  }

  #is(left: Expression): Expression {
    const start = this.#next().start;
    const not = this.#takeWord('NOT') !== null;
    let distinct = false;
    if (this.#isWord('DISTINCT') && this.#isWord('FROM', 1)) {
      this.#index += 2;
      distinct = true;
    }
    const operatorSpan = this.#span(start);
    const right = this.#expression(COMPARISON_LEVEL);
    const operator = `IS${not ? ' NOT' : ''}${distinct ? ' DISTINCT FROM' : ''}`;
    return { kind: 'binary', operator, operatorSpan, left, right, ...this.#span(left.start) };
  }

  #test(left: Expression): Expression | null {
    const not = this.#isWord('NOT') ? this.#next() : null;
    const word = this.#peek();
    if (word.type !== 'word') return this.#stop();
    const notSpan = spanOf(not);
    switch (word.value) {
      case 'NULL':
        if (not === null) return this.#stop();
        this.#next();
        return { kind: 'nullTest', not: true, operand: left, ...this.#span(left.start) };
      case 'BETWEEN': {
        this.#next();
        const low = this.#expression(COMPARISON_LEVEL);
        this.#word('AND');
        const high = this.#expression(COMPARISON_LEVEL);
        return { kind: 'between', not: notSpan, operand: left, low, high, ...this.#span(left.start) };
      }
      case 'IN':
        this.#next();
        return this.#in(left, notSpan);
      case 'LIKE':
      case 'GLOB':
      case 'REGEXP':
      case 'MATCH': {
        this.#next();
        const right = this.#expression(COMPARISON_LEVEL);
        const escape = this.#takeWord('ESCAPE') ? this.#expression(COMPARISON_LEVEL) : null;
        return { kind: 'like', operator: word.value, not: notSpan, left, right, escape, ...this.#span(left.start) };
      }
      default:
        return this.#stop();
    }
  }

  #in(operand: Expression, not: Span | null): Expression {
    if (!this.#takeOperator('(')) {
      const table = this.#tableName();
      return { kind: 'in', not, operand, items: null, query: null, table, ...this.#span(operand.start) };
    }
    if (this.#isWord('SELECT') || this.#isWord('VALUES') || this.#isWord('WITH')) {
      const query = this.#query();
      this.#operator(')');
      return { kind: 'in', not, operand, items: null, query, table: null, ...this.#span(operand.start) };
    }
    const items = this.#isOperator(')') ? [] : this.#list(() => this.#expression());
    this.#operator(')');
    return { kind: 'in', not, operand, items, query: null, table: null, ...this.#span(operand.start) };
  }

  /** The table of `x IN t`, which takes no alias. */
  #tableName(): TableSource {
    const { start, ...table } = this.#qualifiedTable('a list, a query or a table');
    return { kind: 'tableSource', ...table, alias: null, indexed: null, ...this.#span(start) };
  }

  #primary(): Expression {
    const token = this.#peek();
    switch (token.type) {
      case 'number':
      case 'string':
      case 'blob':
        this.#next();
        return { kind: 'literal', type: token.type, value: token.value, ...this.#span(token.start) };
      case 'parameter':
        this.#next();
        return { kind: 'parameter', text: token.value, ...this.#span(token.start) };
      case 'operator':
        return token.value === '(' ? this.#parentheses() : this.#stop('an expression');
      case 'word':
        return this.#wordExpression(token);
      case 'quoted':
        return this.#column();
      default:
        return this.#stop('an expression');
    }
  }

  #parentheses(): Expression {
    const start = this.#operator('(').start;
    if (this.#isWord('SELECT') || this.#isWord('VALUES') || this.#isWord('WITH')) {
      const query = this.#query();
      this.#operator(')');
      return { kind: 'subquery', query, ...this.#span(start) };
    }
    const items = this.#list(() => this.#expression());
    this.#operator(')');
    return { kind: 'parenthesised', items, ...this.#span(start) };
  }

  #wordExpression(token: Token): Expression {
    switch (token.value) {
      case 'NULL':
        this.#next();
        return { kind: 'literal', type: 'null', value: 'NULL', ...this.#span(token.start) };
      case 'CASE':
        return this.#case();
      case 'EXISTS': {
        this.#next();
        this.#operator('(');
        const query = this.#query();
        this.#operator(')');
        return { kind: 'exists', query, ...this.#span(token.start) };
      }
      case 'CAST':
        if (this.#isOperator('(', 1)) return this.#cast();
        break;
      default:
    }
    if (RESERVED.has(token.value)) {
      // REPLACE(), LEFT() and their like are names; these words never are.
      return this.#stop('an expression');
    }
    if (this.#isOperator('(', 1)) return this.#call();
    if (TIME_WORDS.has(token.value) && !this.#isOperator('.', 1)) {
      this.#next();
      return { kind: 'literal', type: 'time', value: token.value, ...this.#span(token.start) };
    }
    if ((token.value === 'TRUE' || token.value === 'FALSE') && !this.#isOperator('.', 1)) {
      this.#next();
      return { kind: 'literal', type: 'boolean', value: token.value, ...this.#span(token.start) };
    }
    return this.#column();
  }

  #column(): Expression {
    const parts = [this.#toIdentifier(this.#next())];
    if (parts[0]?.quote !== '' && this.#isOperator('(')) {
      this.#index -= 1;
      return this.#call();
    }
    while (parts.length < 3 && this.#isOperator('.')) {
      this.#next();
      parts.push(this.#name('a column'));
    }
    const name = parts.at(-1);
    if (name === undefined) return this.#stop();
    const column: ColumnReference = {
      kind: 'column',
      schema: null,
      table: parts.at(-2) ?? null,
      name,
      ...this.#span(parts[0]?.start ?? name.start),
    };
    return parts.length === 3 ? { ...column, schema: parts[0] ?? null } : column;
  }

  #case(): Expression {
    const start = this.#word('CASE').start;
    const operand = this.#isWord('WHEN') ? null : this.#expression();
    const branches: CaseBranch[] = [];
    while (this.#isWord('WHEN')) {
      const branchStart = this.#next().start;
      const when = this.#expression();
      this.#word('THEN');
      const then = this.#expression();
      branches.push({ kind: 'caseBranch', when, then, ...this.#span(branchStart) });
    }
    if (branches.length === 0) this.#stop('WHEN');
    const otherwise = this.#takeWord('ELSE') ? this.#expression() : null;
    this.#word('END');
    return { kind: 'case', operand, branches, otherwise, ...this.#span(start) };
  }

  #cast(): Expression {
    const start = this.#word('CAST').start;
    this.#operator('(');
    const operand = this.#expression();
    this.#word('AS');
    const typeStart = this.#peek().start;
    let depth = 0;
    while (!(depth === 0 && this.#isOperator(')'))) {
      const token = this.#next();
      if (token.type === 'end') this.#stop('“)”');
      if (token.value === '(') depth += 1;
      if (token.value === ')') depth -= 1;
    }
    const type = this.#source.slice(typeStart, this.#index > 0 ? this.#lastEnd() : typeStart);
    this.#operator(')');
    return { kind: 'cast', operand, type, ...this.#span(start) };
  }

  #call(): Expression {
    const name = this.#toIdentifier(this.#next());
    this.#operator('(');
    let distinct: Span | null = null;
    let star = false;
    let args: Expression[] = [];
    let orderBy: OrderBy | null = null;
    if (this.#takeOperator('*')) star = true;
    else if (!this.#isOperator(')')) {
      distinct = spanOf(this.#takeWord('DISTINCT'));
      if (distinct === null) this.#takeWord('ALL');
      args = this.#list(() => this.#expression());
      if (this.#isWord('ORDER')) orderBy = this.#orderBy();
    }
    this.#operator(')');
    let filter: Expression | null = null;
    if (this.#isWord('FILTER') && this.#isOperator('(', 1)) {
      this.#index += 2;
      this.#word('WHERE');
      filter = this.#expression();
      this.#operator(')');
    }
    let over: Window | null = null;
    let overName: Identifier | null = null;
    if (this.#isWord('OVER') && (this.#isOperator('(', 1) || this.#isName(1))) {
      this.#next();
      if (this.#isOperator('(')) over = this.#window();
      else overName = this.#name('a window');
    }
    return { kind: 'call', name, distinct, star, arguments: args, orderBy, filter, over, overName, ...this.#span(name.start) };
  }

  #window(): Window {
    const start = this.#operator('(').start;
    let base: Identifier | null = null;
    const opens = ['PARTITION', 'ORDER', 'RANGE', 'ROWS', 'GROUPS'];
    if (this.#isName() && !opens.some((word) => this.#isWord(word))) base = this.#name();
    let partitionBy: Expression[] = [];
    if (this.#takeWord('PARTITION')) {
      this.#word('BY');
      partitionBy = this.#list(() => this.#expression());
    }
    const orderBy = this.#isWord('ORDER') ? this.#orderBy() : null;
    const frame = this.#isOperator(')') ? null : this.#frame();
    this.#operator(')');
    return { kind: 'window', base, partitionBy, orderBy, frame, ...this.#span(start) };
  }

  #frame(): Frame {
    const word = this.#next();
    if (word.value !== 'RANGE' && word.value !== 'ROWS' && word.value !== 'GROUPS') {
      this.#index -= 1;
      return this.#stop('RANGE, ROWS or GROUPS');
    }
    let from: FrameBound;
    let to: FrameBound | null = null;
    if (this.#takeWord('BETWEEN')) {
      from = this.#frameBound();
      this.#word('AND');
      to = this.#frameBound();
    } else {
      from = this.#frameBound();
    }
    let exclude: Frame['exclude'] = null;
    if (this.#takeWord('EXCLUDE')) {
      if (this.#takeWord('NO')) {
        this.#word('OTHERS');
        exclude = 'NO OTHERS';
      } else if (this.#takeWord('CURRENT')) {
        this.#word('ROW');
        exclude = 'CURRENT ROW';
      } else {
        exclude = this.#either('GROUP', 'TIES');
      }
    }
    return { kind: 'frame', unit: word.value, from, to, exclude, ...this.#span(word.start) };
  }

  #frameBound(): FrameBound {
    const start = this.#peek().start;
    if (this.#isWord('UNBOUNDED')) {
      this.#next();
      const type = `UNBOUNDED ${this.#either('PRECEDING', 'FOLLOWING')}` as const;
      return { kind: 'frameBound', type, expression: null, ...this.#span(start) };
    }
    if (this.#isWord('CURRENT') && this.#isWord('ROW', 1)) {
      this.#index += 2;
      return { kind: 'frameBound', type: 'CURRENT ROW', expression: null, ...this.#span(start) };
    }
    const expression = this.#expression();
    const type = this.#either('PRECEDING', 'FOLLOWING');
    return { kind: 'frameBound', type, expression, ...this.#span(start) };
  }
}

function spanOf(token: Token | null): Span | null {
  return token === null ? null : { start: token.start, end: token.end };
}
