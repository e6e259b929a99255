import { isPlainName, sqlName } from '../sql-name.ts';
import type { NameIndex } from './names.ts';
import { readTokens, type Token } from './query-tokens.ts';

/**
 * What a text is as the beginning of a query: `whole` (a query that may end here), `open` (more has to follow, and can), or `wrong`: no
 * continuation makes it a query of the students' style on these names.
 */
export type Beginning = 'whole' | 'open' | 'wrong';

/**
 * How closely a query is held to the database. `database`: its names are there. `query`: each stands where SQLite finds it. `strict`: moreover it has
 * groups where aggregates need them, and joins tables with themselves, nests queries and selects from them only as the students' style does. What a
 * less close scope allows, repair can often put right, knowing the whole query.
 */
export type Scope = 'database' | 'query' | 'strict';

export interface Reading {
  readonly beginning: Beginning;
  /** What can stand at the end of the text: words and symbols, or where it ends within a word the ends of those that it can become. Texts and numbers can too. */
  readonly completions: readonly string[];
  /**
   * Where the text ends in a name, or the beginning of one, that no table there has: the one thing that can stand in its place, if there is one. That is
   * a column which shares a key with it or, where a condition begins, a subquery on the table that has it: `id IN (SELECT … FROM … WHERE`.
   */
  readonly standIn: string | undefined;
}

/**
 * Reads the beginning of a query by the names in scope. The grammar is the style that the students are taught (canonical-sql.ts): one SELECT or
 * several under set operators, joins along declared keys, subqueries, no WITH and no CASE. Besides the grammar it holds what SQLite would
 * refuse only after the whole query: a column is of a table that is in FROM, or will have to be; an unqualified column is of one table alone;
 * SELECTs under a set operator have as many columns; aggregates stand where they may.
 *
 * A recursive descent (one token ahead) that notes at the last token, where it is cut off, whether one of the words tried there begins like it.
 */
export function readBeginning(text: string, names: NameIndex, scope: Scope): Reading {
  const tokens = readTokens(text);
  if (!tokens) return { beginning: 'wrong', completions: [], standIn: undefined };
  const reader = new Reader(tokens, names, scope);
  let beginning: Beginning = 'open';
  try {
    reader.query({ outer: [], width: undefined, depth: 0 });
    if (reader.isAtEnd) beginning = 'whole';
  } catch (error) {
    if (error !== STOPPED) throw error;
  }
  if (beginning === 'open' && !reader.canGoOn) beginning = 'wrong';
  return { beginning, completions: [...reader.completions], standIn: reader.standIn };
}

/** Thrown where the reading cannot go on: at the end of what is written, or at what does not fit. */
const STOPPED = new Error('stopped');

interface Source {
  readonly qualifier: string;
  /** undefined for a subquery. */
  readonly table?: string;
  /** undefined where the columns are not known: any name goes. */
  readonly columns?: ReadonlySet<string>;
}

interface Block {
  readonly sources: Source[];
  /** Sources of the blocks around it: a condition may refer to them by a qualified name. */
  readonly outer: readonly Source[];
  /** Names that the SELECT list uses before FROM is known. */
  readonly bare: Set<string>;
  readonly qualified: Map<string, Set<string>>;
  isListed: boolean;
  /** What the SELECT list has beside each other: aggregates, and columns that stand in none. */
  readonly aggregates: string[];
  hasColumn: boolean;
  isGrouped: boolean;
  /** How many queries it stands in. */
  readonly depth: number;
  /** The column that is looked for IN its rows. */
  readonly sought: ColumnOf | undefined;
}

interface QueryPlace {
  readonly outer: readonly Source[];
  /** How many columns it must have; undefined: any number. */
  readonly width: number | undefined;
  readonly depth: number;
  readonly sought?: ColumnOf | undefined;
}

interface ExpressionPlace {
  readonly block: Block;
  readonly aggregates: boolean;
  readonly isWhere?: boolean;
}

function newBlock({ outer, depth, sought }: QueryPlace): Block {
  return {
    sources: [],
    outer,
    bare: new Set(),
    qualified: new Map(),
    isListed: false,
    aggregates: [],
    hasColumn: false,
    isGrouped: false,
    depth,
    sought,
  };
}

/** A table is joined with itself, or twice with another: hardly a query has it more often. */
const MOST_OF_A_TABLE = 2;

/** Queries within queries: of Spider's 8,563 training queries 2 go deeper. */
const MOST_DEPTH = 3;

/** SELECTs in all: none of those queries has more. */
const MOST_SELECTS = 8;

/** Parts of a condition or a sum, terms to group or order by: none of those queries has more than 4. */
const MOST_PARTS = 6;

/** Parentheses open at once around conditions and sums: none of those queries has one in another. */
const MOST_PARENTHESES = 2;

/** Of a number: SQLite's integers have 19. */
const MOST_DIGITS = 19;

/** Values that a column is looked for in. */
const MOST_VALUES = 12;

const AGGREGATES = ['count', 'sum', 'avg', 'min', 'max'];
const COMPARISONS = ['=', '!=', '<', '>', '<=', '>=', '<>', '=='];
const ARITHMETIC = ['+', '-', '*', '/', '%', '||'];

class Reader {
  /** At the end of what is written: whether something could follow there. */
  canGoOn = false;
  readonly completions = new Set<string>();
  standIn: string | undefined;
  readonly #tokens: readonly Token[];
  readonly #tables: NameIndex['tables'];
  readonly #columns: NameIndex['columns'];
  readonly #keys: NameIndex['keys'];
  /** Held to `query` or closer. */
  readonly #isScoped: boolean;
  readonly #isStrict: boolean;
  #at = 0;
  #selects = 0;
  #parentheses = 0;
  /** Where the condition in WHERE begins that is read. */
  #termAt: number | undefined;

  constructor(tokens: readonly Token[], names: NameIndex, scope: Scope) {
    this.#tokens = tokens;
    this.#isScoped = scope !== 'database';
    this.#isStrict = scope === 'strict';
    this.#tables = names.tables;
    this.#columns = names.columns;
    this.#keys = names.keys;
  }

  get isAtEnd(): boolean {
    return this.#peek().kind === 'end';
  }

  /** Returns the number of its columns, undefined where a `*` hides it. */
  query(place: QueryPlace): number | undefined {
    let columns = this.#isScoped ? place.width : undefined;
    let block: Block;
    do {
      block = newBlock(place);
      const own = this.#select(block, columns);
      if (this.#isScoped) columns ??= own;
    } while (this.#takeSetOperator());
    if (this.#take('ORDER')) {
      this.#expect('BY');
      let terms = 0;
      do {
        // SQLite has no rows to count but those of groups.
        this.#arithmetic({ block, aggregates: !this.#isStrict || block.isGrouped || block.aggregates.length > 0 });
        if (!this.#take('ASC')) this.#take('DESC');
      } while (this.#canHaveMore(++terms) && this.#takeSymbol(','));
    }
    if (this.#take('LIMIT')) {
      this.#expectNumber();
      if (this.#take('OFFSET')) this.#expectNumber();
    }
    return columns;
  }

  #takeSetOperator(): boolean {
    if (this.#take('UNION')) {
      this.#take('ALL');
      return true;
    }
    return this.#take('INTERSECT') || this.#take('EXCEPT');
  }

  #select(block: Block, width: number | undefined): number | undefined {
    this.#expect('SELECT');
    this.#selects += 1;
    this.#take('DISTINCT');
    const columns = this.#selectList(block, width);
    this.#expect('FROM');
    block.isListed = true;
    this.#from(block);
    if (this.#take('WHERE')) this.#condition({ block, aggregates: false, isWhere: true });
    if (this.#take('GROUP')) {
      block.isGrouped = true;
      this.#expect('BY');
      let terms = 0;
      do this.#arithmetic({ block, aggregates: false });
      while (this.#canHaveMore(++terms) && this.#takeSymbol(','));
      if (this.#take('HAVING')) this.#condition({ block, aggregates: true });
    }
    if (this.#isStrict && !block.isGrouped && block.hasColumn && isOfAnyRow(block)) throw STOPPED;
    return columns;
  }

  #selectList(block: Block, width: number | undefined): number | undefined {
    let columns: number | undefined = 0;
    while (true) {
      if (this.#takeSymbol('*')) columns = undefined;
      else if (this.#selectItem(block) && columns !== undefined) columns += 1;
      else columns = undefined;
      const isFull = columns !== undefined && columns === width;
      if (columns !== undefined && width !== undefined && columns < width) this.#expectSymbol(',');
      else if (isFull || !this.#takeSymbol(',')) return columns;
    }
  }

  /** False for `table.*`, whose columns are not counted. */
  #selectItem(block: Block): boolean {
    const [table, dot, star] = this.#tokens.slice(this.#at, this.#at + 3);
    if (table?.kind === 'word' && dot?.value === '.' && star?.kind === 'symbol' && star.value === '*' && this.#tables.has(table.value)) {
      this.#at += 3;
      block.qualified.set(table.value, block.qualified.get(table.value) ?? new Set());
      return false;
    }
    this.#arithmetic({ block, aggregates: true });
    return true;
  }

  #from(block: Block): void {
    this.#source(block, (table) => this.#canBegin(table, block));
    while (true) {
      const joinable = this.#joinable(block);
      if (joinable.size === 0) break;
      if (this.#take('LEFT')) {
        this.#take('OUTER');
        this.#expect('JOIN');
      } else if (!this.#take('JOIN')) break;
      this.#source(block, (table) => joinable.has(table));
      if (this.#take('ON')) this.#on(block);
    }
    // What the SELECT list names has to come from somewhere.
    if (!this.#isCovered(block)) throw STOPPED;
  }

  /** A table that has every column which the list names without a table; where tables are named, any may begin. */
  #canBegin(table: string, block: Block): boolean {
    const { bare, qualified } = block;
    if (this.#isStrict) {
      const sides = this.#awaited(block);
      if (sides.length > 0 && !sides.some((columns) => this.#canGive(table, columns))) return false;
    }
    if (!this.#isScoped || qualified.size > 0) return true;
    return [...bare].every((column) => this.#tables.get(table)?.has(column) === true);
  }

  /** A table that stands there twice comes first, or after one that refers to it twice: `FROM flights JOIN airports AS t1`. */
  #canGive(table: string, columns: ReadonlySet<string>): boolean {
    if (this.#hasAll(table, columns)) return true;
    const referred = this.#keys.filter((key) => key.table === table).map((key) => key.refersTo);
    return referred.some((other, index) => referred.indexOf(other) !== index && this.#hasAll(other, columns));
  }

  #hasAll(table: string, columns: ReadonlySet<string>): boolean {
    return [...columns].every((column) => this.#tables.get(table)?.has(column) === true);
  }

  /** The columns that the SELECT list takes by each alias that no source has yet. */
  #awaited({ sources, qualified }: Block): ReadonlySet<string>[] {
    return [...qualified].flatMap(([qualifier, columns]) =>
      ALIASES.includes(qualifier) && !sources.some((source) => source.qualifier === qualifier) ? [columns] : [],
    );
  }

  #isCovered({ sources, bare, qualified }: Block): boolean {
    if (!this.#isScoped || sources.some((source) => source.columns === undefined)) return true;
    if (
      this.#isStrict &&
      sources.some((source) => isAlias(source) && !sources.some((other) => other !== source && other.table === source.table))
    )
      return false;
    for (const [qualifier, columns] of qualified) {
      const source = sources.find((candidate) => candidate.qualifier === qualifier);
      if (!source || [...columns].some((column) => source.columns?.has(column) !== true)) return false;
    }
    return [...bare].every((column) => sources.filter((source) => source.columns?.has(column) === true).length === 1);
  }

  /**
   * Tables that a declared key connects with the sources; all of them where none is connected. None may make a bare column ambiguous. One that stands
   * there already has an alias, and does so once.
   */
  #joinable({ sources, bare }: Block): ReadonlySet<string> {
    if (!this.#isScoped) return new Set(this.#tables.keys());
    if (this.#isStrict && sources.some((source) => source.table === undefined)) return new Set();
    const own = new Set(sources.map((source) => source.table));
    const neighbours = this.#keyEnds(sources).map(({ there }) => there.qualifier);
    const candidates = neighbours.length > 0 ? [...neighbours, ...[...own].flatMap((table) => table ?? [])] : [...this.#tables.keys()];
    const found = new Set([...bare].filter((column) => sources.some((source) => source.columns?.has(column) === true)));
    return new Set(
      candidates.filter(
        (table) =>
          ![...found].some((column) => this.#tables.get(table)?.has(column) === true) &&
          this.#canRepeat(sources.filter((source) => source.table === table)),
      ),
    );
  }

  #canRepeat(same: readonly Source[]): boolean {
    return !this.#isStrict || (same.length < MOST_OF_A_TABLE && same.every(isAlias));
  }

  #source(block: Block, allowed: (table: string) => boolean): void {
    if (this.#canSelectFrom(block) && this.#takeSymbol('(')) {
      this.query({ outer: block.outer, width: undefined, depth: block.depth + 1 });
      this.#expectSymbol(')');
      block.sources.push({ qualifier: this.#take('AS') ? this.#alias(() => true) : '' });
      return;
    }
    const table = this.#expectName([...this.#tables.keys()].filter(allowed));
    const columns = this.#tables.get(table) ?? new Set<string>();
    let qualifier = table;
    const needsAlias = this.#isStrict && this.#needsAlias(table, block);
    if (needsAlias) this.#expect('AS');
    if (needsAlias || (this.#canHaveAlias(table, block) && this.#take('AS'))) {
      qualifier = this.#alias((alias) => {
        const used = block.qualified.get(alias);
        return !this.#isScoped || used === undefined || [...used].every((column) => columns.has(column));
      });
    }
    // The same table twice needs an alias.
    if (block.sources.some((source) => source.qualifier === qualifier)) throw STOPPED;
    block.sources.push({ qualifier, table, columns });
  }

  /** A weak model goes on from a subquery to others: strictly it stands alone, and rows of it are counted. */
  #canSelectFrom(block: Block): boolean {
    if (!this.#isStrict) return true;
    return this.#canNest(block) && block.sources.length === 0 && block.bare.size === 0 && block.qualified.size === 0;
  }

  /** The table stands there already, or has what the SELECT list names by an alias that nothing has yet. */
  #needsAlias(table: string, block: Block): boolean {
    return block.sources.some((source) => source.table === table) || this.#awaited(block).some((columns) => this.#hasAll(table, columns));
  }

  /** With an alias a table will stand there twice: what the SELECT list names of it by its own name, or by none, would not be found. */
  #canHaveAlias(table: string, { bare, qualified }: Block): boolean {
    if (!this.#isStrict) return true;
    return !qualified.has(table) && ![...bare].some((column) => this.#tables.get(table)?.has(column) === true);
  }

  /** After JOIN: along a declared key where one connects the new table with what stands before it. */
  #on(block: Block): void {
    const newest = block.sources.at(-1);
    const earlier = block.sources.slice(0, -1);
    const pairs = earlier.flatMap((source) => this.#pairs(source, newest));
    if (!this.#isScoped || newest?.table === undefined || pairs.length === 0) {
      this.#condition({ block, aggregates: false });
      return;
    }
    this.#alongKey(pairs);
    if (!this.#isStrict) {
      while (this.#take('AND') || this.#take('OR')) this.#term({ block, aggregates: false });
    } else if (this.#isCovered(block)) {
      if (this.#take('AND') || this.#take('OR')) this.#plainTerm({ block, aggregates: false });
    } else if (pairs.length > 1 && this.#take('AND')) {
      // Where another table has yet to come, a weak model would rather go on with conditions: only the rest of a key may stand here.
      this.#alongKey(pairs);
    }
  }

  #alongKey(pairs: readonly (readonly [ColumnOf, ColumnOf])[]): void {
    const left = this.#qualifiedColumn(pairs.flat());
    this.#expectSymbol('=');
    this.#qualifiedColumn(pairs.flatMap(([a, b]) => (isSame(a, left) ? [b] : isSame(b, left) ? [a] : [])));
  }

  #pairs(source: Source, newest: Source | undefined): [ColumnOf, ColumnOf][] {
    return this.#keys.flatMap((key) => {
      const pairs: [ColumnOf, ColumnOf][] = [];
      const ends = [
        { table: key.table, column: key.column },
        { table: key.refersTo, column: key.reference },
      ] as const;
      for (const [one, other] of [ends, [ends[1], ends[0]] as const]) {
        if (source.table === one.table && newest?.table === other.table) {
          pairs.push([
            { qualifier: source.qualifier, column: one.column },
            { qualifier: newest.qualifier, column: other.column },
          ]);
        }
      }
      return pairs;
    });
  }

  #qualifiedColumn(allowed: readonly ColumnOf[]): ColumnOf {
    const qualifier = this.#expectName(allowed.map((column) => column.qualifier));
    this.#expectSymbol('.');
    const column = this.#expectName(allowed.filter((candidate) => candidate.qualifier === qualifier).map((candidate) => candidate.column));
    return { qualifier, column };
  }

  #condition(place: ExpressionPlace): void {
    let parts = 0;
    do this.#term(place);
    while (this.#canHaveMore(++parts) && (this.#take('AND') || this.#take('OR')));
  }

  /** A weak model would go on with the same until the answer is cut off. */
  #canHaveMore(parts: number, most = MOST_PARTS): boolean {
    return !this.#isStrict || parts < most;
  }

  #term(place: ExpressionPlace): void {
    if (this.#take('NOT')) {
      this.#term(place);
      return;
    }
    if (this.#canNest(place.block) && this.#take('EXISTS')) {
      this.#expectSymbol('(');
      this.#subquery(place, undefined);
      return;
    }
    if (this.#isSymbol('(') && !(this.#canNest(place.block) && this.#isKeyword('SELECT', 1))) {
      this.#takeSymbol('(');
      this.#open();
      this.#groupOrTerm(place);
      return;
    }
    this.#plainTerm(place);
  }

  #plainTerm(place: ExpressionPlace): void {
    const begin = this.#at;
    this.#termAt = place.isWhere === true ? begin : undefined;
    this.#arithmetic(place);
    if (!this.#comparison(place, this.#columnSince(begin, place))) throw STOPPED;
  }

  /** The column that the expression read since then is, if it is no more than one. */
  #columnSince(begin: number, { block }: ExpressionPlace): ColumnOf | undefined {
    const [first, dot, second] = this.#tokens.slice(begin, this.#at);
    if (first?.kind !== 'word' || (dot !== undefined && second?.kind !== 'word') || this.#at - begin > 3) return undefined;
    const column = second?.value ?? first.value;
    const source = block.sources.find(({ qualifier, columns }) => (second ? qualifier === first.value : columns?.has(column) === true));
    return source?.table === undefined ? undefined : { qualifier: source.table, column };
  }

  /** After `(`: conditions, or an arithmetic expression that is then compared. */
  #groupOrTerm(place: ExpressionPlace): void {
    if (this.#isSymbol('(')) {
      this.#condition(place);
      this.#close();
      return;
    }
    if (this.#take('NOT')) {
      this.#term(place);
    } else {
      this.#arithmetic(place);
      if (this.#takeSymbol(')')) {
        this.#parentheses -= 1;
        while (ARITHMETIC.some((operator) => this.#takeSymbol(operator))) this.#operand(place);
        if (!this.#comparison(place)) throw STOPPED;
        return;
      }
      if (!this.#comparison(place)) throw STOPPED;
    }
    let parts = 0;
    while (this.#canHaveMore(++parts) && (this.#take('AND') || this.#take('OR'))) this.#term(place);
    this.#close();
  }

  /** After `(` around conditions or a sum. */
  #open(): void {
    this.#parentheses += 1;
    if (this.#isStrict && this.#parentheses > MOST_PARENTHESES) throw STOPPED;
  }

  #close(): void {
    this.#expectSymbol(')');
    this.#parentheses -= 1;
  }

  #comparison(place: ExpressionPlace, left?: ColumnOf): boolean {
    if (COMPARISONS.some((operator) => this.#takeSymbol(operator))) {
      this.#arithmetic(place);
      return true;
    }
    if (this.#take('IS')) {
      this.#take('NOT');
      this.#expect('NULL');
      return true;
    }
    const isNegated = this.#take('NOT');
    if (this.#take('LIKE')) {
      this.#arithmetic(place);
      return true;
    }
    if (this.#take('BETWEEN')) {
      this.#arithmetic(place);
      this.#expect('AND');
      this.#arithmetic(place);
      return true;
    }
    if (this.#take('IN')) {
      this.#expectSymbol('(');
      if (this.#canNest(place.block) && this.#isKeyword('SELECT')) {
        this.#subquery(place, 1, left);
      } else {
        let values = 0;
        do this.#arithmetic(place);
        while (this.#canHaveMore(++values, MOST_VALUES) && this.#takeSymbol(','));
        this.#expectSymbol(')');
      }
      return true;
    }
    if (isNegated) throw STOPPED;
    return false;
  }

  #canNest({ depth }: Block): boolean {
    return !this.#isStrict || (depth < MOST_DEPTH && this.#selects < MOST_SELECTS);
  }

  #subquery({ block }: ExpressionPlace, width: number | undefined, sought?: ColumnOf): void {
    this.query({ outer: [...block.sources, ...block.outer], width, depth: block.depth + 1, sought });
    this.#expectSymbol(')');
  }

  #arithmetic(place: ExpressionPlace): void {
    let parts = 0;
    do this.#operand(place);
    while (this.#canHaveMore(++parts) && ARITHMETIC.some((operator) => this.#takeSymbol(operator)));
  }

  #operand(place: ExpressionPlace): void {
    if (this.#takeSymbol('(')) {
      if (this.#canNest(place.block) && this.#isKeyword('SELECT')) {
        this.#subquery(place, 1);
        return;
      }
      this.#open();
      this.#arithmetic(place);
      this.#close();
      return;
    }
    if (this.#takeSymbol('-')) {
      if (this.#isStrict && this.#isSymbol('-')) throw STOPPED;
      this.#operand(place);
      return;
    }
    if (this.#takeKind('number') || this.#takeKind('text')) return;
    if (this.#call(place)) return;
    this.#column(place);
  }

  #call(place: ExpressionPlace): boolean {
    const token = this.#peek();
    if (!place.aggregates) return false;
    if (token.open) this.#noteAt(token, AGGREGATES);
    if (token.open || token.kind !== 'word') return false;
    if (this.#tokens[this.#at + 1]?.value !== '(' || !AGGREGATES.includes(token.value)) return false;
    this.#at += 2;
    if (!place.block.isListed) place.block.aggregates.push(token.value);
    if (!(token.value === 'count' && this.#takeSymbol('*'))) {
      this.#take('DISTINCT');
      this.#arithmetic({ ...place, aggregates: false });
    }
    this.#expectSymbol(')');
    return true;
  }

  #column(place: ExpressionPlace): void {
    const { block, aggregates } = place;
    if (!block.isListed && aggregates) block.hasColumn = true;
    const next = this.#tokens[this.#at + 1];
    const isQualified = next?.kind === 'symbol' && next.value === '.';
    if (this.#peek().open) {
      const possible = [...this.#qualifiers(block), ...this.#bareColumns(place)];
      if (block.isListed) this.#noteStandIn(block.sources, possible, place);
      this.#expectName(possible);
    } else if (!isQualified) {
      const column = this.#expectName(this.#bareColumns(place));
      if (!block.isListed) block.bare.add(column);
    } else {
      const qualifier = this.#expectName(this.#qualifiers(block));
      this.#expectSymbol('.');
      const columns = [...this.#columnsOf(qualifier, block)];
      if (block.isListed)
        this.#noteStandIn(
          block.sources.filter((source) => source.qualifier === qualifier),
          columns,
          place,
        );
      const column = this.#expectName(columns);
      if (!block.isListed) block.qualified.set(qualifier, (block.qualified.get(qualifier) ?? new Set()).add(column));
    }
  }

  /** At the end of the text: what is written there begins no name that can stand there, but one that a key leads to. */
  #noteStandIn(sources: readonly Source[], possible: readonly string[], place: ExpressionPlace): void {
    const { open, kind, value } = this.#peek();
    if (!this.#isStrict || !open || kind !== 'word' || value === '' || possible.some((name) => name.startsWith(value))) return;
    const columns = new Set<string>();
    const subqueries = new Set<string>();
    for (const { here, there } of this.#keyEnds(sources)) {
      if (!possible.includes(here.column)) continue;
      if (there.column.startsWith(value)) columns.add(sqlName(here.column));
      else if ([there.qualifier, ...(this.#tables.get(there.qualifier) ?? [])].some((name) => name.startsWith(value)))
        subqueries.add(`${sqlName(here.column)} IN (SELECT ${sqlName(there.column)} FROM ${sqlName(there.qualifier)} WHERE`);
    }
    const isQualified = this.#tokens[this.#at - 1]?.value === '.';
    const begins = (isQualified ? this.#at - 2 : this.#at) === this.#termAt && this.#canNest(place.block);
    const [only, ...others] = columns.size > 0 || !begins ? columns : subqueries;
    if (others.length === 0) this.standIn = only;
  }

  /** The keys between the sources and tables that are none of them, seen from the sources. Tables stand as qualifiers. */
  #keyEnds(sources: readonly Source[]): { readonly here: ColumnOf; readonly there: ColumnOf }[] {
    const own = new Set(sources.map((source) => source.table));
    return this.#keys.flatMap((key) => {
      const referring = { qualifier: key.table, column: key.column };
      const referred = { qualifier: key.refersTo, column: key.reference };
      if (own.has(key.table) && !own.has(key.refersTo)) return [{ here: referring, there: referred }];
      return own.has(key.refersTo) && !own.has(key.table) ? [{ here: referred, there: referring }] : [];
    });
  }

  #qualifiers(block: Block): string[] {
    if (!this.#isScoped || !block.isListed) return [...this.#tables.keys(), ...ALIASES];
    return [...block.sources, ...block.outer].map((source) => source.qualifier);
  }

  #columnsOf(qualifier: string, block: Block): Iterable<string> {
    if (!this.#isScoped) return this.#columns;
    if (!block.isListed) return this.#tables.get(qualifier) ?? this.#columns;
    const source = [...block.sources, ...block.outer].find((candidate) => candidate.qualifier === qualifier);
    return source?.columns ?? this.#columns;
  }

  /** Columns that need no table's name here. */
  #bareColumns({ block, aggregates }: ExpressionPlace): string[] {
    if (!this.#isScoped) return [...this.#columns];
    if (!block.isListed) {
      const { bare, qualified } = block;
      const columns =
        bare.size === 0 || qualified.size > 0
          ? [...this.#columns]
          : [...this.#tables.values()].filter((own) => [...bare].every((column) => own.has(column))).flatMap((own) => [...own]);
      const sought = aggregates ? this.#soughtAmong(block) : undefined;
      return sought ? columns.filter((column) => sought.has(column)) : columns;
    }
    const { sources } = block;
    if (sources.some((source) => source.columns === undefined)) return [...this.#columns];
    const counts = new Map<string, number>();
    for (const source of sources) for (const column of source.columns ?? []) counts.set(column, (counts.get(column) ?? 0) + 1);
    return [...counts].filter(([, count]) => count === 1).map(([column]) => column);
  }

  /**
   * `id IN (SELECT …` where other tables refer to the id: only what refers to it, and what has its name in another table; undefined where any column
   * goes. A weak model that has missed what the referring column is called would look for each row among the rows of its own table.
   */
  #soughtAmong({ sought }: Block): ReadonlySet<string> | undefined {
    if (!this.#isStrict || sought === undefined) return undefined;
    const { qualifier: own, column } = sought;
    const referring = this.#keys.filter((key) => key.refersTo === own && key.reference === column).map((key) => key.column);
    // Where it refers to something itself, what is looked for may do so too.
    if (referring.length === 0 || this.#keys.some((key) => key.table === own && key.column === column)) return undefined;
    const isElsewhere = [...this.#tables].some(([table, columns]) => table !== own && columns.has(column));
    return new Set(isElsewhere ? [...referring, column] : referring);
  }

  #peek(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw STOPPED;
    // Whatever is wanted at the end of what is written can follow.
    if (token.kind === 'end') this.canGoOn = true;
    return token;
  }

  /** The word is cut off, or there is none yet: can it become one of these? */
  #noteAt({ kind, value }: Token, words: Iterable<string>): void {
    if (kind !== 'word' && kind !== 'quoted' && kind !== 'end') return;
    for (const word of words) {
      if (!word.startsWith(value)) continue;
      this.canGoOn = true;
      if (word !== value) this.completions.add(word.slice(value.length));
    }
  }

  #take(keyword: string): boolean {
    const token = this.#peek();
    if (token.open) this.#noteAt(token, [keyword]);
    if (token.open || token.kind !== 'word' || token.value !== keyword) return false;
    this.#at += 1;
    return true;
  }

  #isKeyword(keyword: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    if (token?.kind !== 'word') return token?.kind === 'end' && ahead > 0;
    if (token.open && ahead === 0) this.#noteAt(token, [keyword]);
    return token.open && ahead > 0 ? keyword.startsWith(token.value) : token.value === keyword;
  }

  #expect(keyword: string): void {
    if (!this.#take(keyword)) throw STOPPED;
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#peek();
    return token.kind === 'symbol' && token.value === symbol;
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek();
    if (token.kind === 'end') this.completions.add(symbol);
    if (token.kind !== 'symbol') return false;
    if (token.open && token.value !== symbol && symbol.startsWith(token.value)) this.canGoOn = true;
    if (token.value !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #expectSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) throw STOPPED;
  }

  #takeKind(kind: 'number' | 'text'): boolean {
    const token = this.#peek();
    if (token.kind !== kind) return false;
    if (this.#isStrict && kind === 'number' && token.value.length > MOST_DIGITS) return false;
    this.#at += 1;
    if (token.open && kind === 'text') {
      this.canGoOn = true;
      throw STOPPED;
    }
    return true;
  }

  #expectNumber(): void {
    if (this.isAtEnd) this.completions.add('1');
    if (!this.#takeKind('number')) throw STOPPED;
  }

  #expectName(names: Iterable<string>): string {
    const token = this.#peek();
    // In the students' style a name stands in quotes exactly where it has to.
    const candidates = [...names].filter((name) => isPlainName(name) === (token.kind !== 'quoted'));
    if (token.open) this.#noteAt(token, candidates);
    const isName = token.kind === 'word' || token.kind === 'quoted';
    if (token.open || !isName || !candidates.includes(token.value)) throw STOPPED;
    this.#at += 1;
    return token.value;
  }

  #alias(isAllowed: (name: string) => boolean): string {
    return this.#expectName(ALIASES.filter(isAllowed));
  }
}

interface ColumnOf {
  readonly qualifier: string;
  readonly column: string;
}

/** SQLite takes a column beside an aggregate from the row of a least or greatest value, beside any other from whichever row it comes to last. */
function isOfAnyRow({ aggregates }: Block): boolean {
  const [first, ...others] = aggregates;
  return first !== undefined && (others.length > 0 || !['min', 'max'].includes(first));
}

function isSame(a: ColumnOf, b: ColumnOf): boolean {
  return a.qualifier === b.qualifier && a.column === b.column;
}

function isAlias({ qualifier, table }: Source): boolean {
  return table !== undefined && qualifier !== table;
}

/** As canonical queries name the sides of a self-join; the SELECT list may do so before FROM gives them. */
const ALIASES = ['t1', 't2', 't3', 't4'];
