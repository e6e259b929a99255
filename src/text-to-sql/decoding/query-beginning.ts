import { ALIASES, newBlock, type Block, type BlockPlace, type ColumnOf, type Source } from './block.ts';
import { NamesInPlace, type Scope } from './names-in-place.ts';
import type { NameIndex } from './names.ts';
import { readTokens } from './query-tokens.ts';
import { STOPPED, TokenCursor } from './token-cursor.ts';

/**
 * What a text is as the beginning of a query: `whole` (a query that may end here), `open` (more has to follow, and can), or `wrong`: no
 * continuation makes it a query of the students' style on these names.
 */
export type Beginning = 'whole' | 'open' | 'wrong';

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
  const cursor = new TokenCursor(tokens, { mostDigits: scope === 'strict' ? MOST_DIGITS : Infinity });
  const reader = new Reader(cursor, names, scope);
  let beginning: Beginning = 'open';
  try {
    reader.query({ outer: [], width: undefined, depth: 0 });
    if (cursor.isAtEnd) beginning = 'whole';
  } catch (error) {
    if (error !== STOPPED) throw error;
  }
  if (beginning === 'open' && !cursor.canGoOn) beginning = 'wrong';
  return { beginning, completions: [...cursor.completions], standIn: reader.standIn };
}

interface QueryPlace extends BlockPlace {
  /** How many columns it must have; undefined: any number. */
  readonly width: number | undefined;
}

interface ExpressionPlace {
  readonly block: Block;
  readonly aggregates: boolean;
  readonly isWhere?: boolean;
}

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
  standIn: string | undefined;
  readonly #text: TokenCursor;
  readonly #names: NamesInPlace;
  #selects = 0;
  #parentheses = 0;
  /** Where the condition in WHERE begins that is read. */
  #termAt: number | undefined;

  constructor(text: TokenCursor, names: NameIndex, scope: Scope) {
    this.#text = text;
    this.#names = new NamesInPlace(names, scope);
  }

  /** Returns the number of its columns, undefined where a `*` hides it. */
  query(place: QueryPlace): number | undefined {
    let columns = this.#names.isScoped ? place.width : undefined;
    let block: Block;
    do {
      block = newBlock(place);
      const own = this.#select(block, columns);
      if (this.#names.isScoped) columns ??= own;
    } while (this.#takeSetOperator());
    if (this.#text.take('ORDER')) {
      this.#text.expect('BY');
      this.#several(
        () => {
          // SQLite has no rows to count but those of groups.
          this.#arithmetic({ block, aggregates: !this.#names.isStrict || block.isGrouped || block.aggregates.length > 0 });
          if (!this.#text.take('ASC')) this.#text.take('DESC');
        },
        () => this.#text.takeSymbol(','),
      );
    }
    if (this.#text.take('LIMIT')) {
      this.#text.expectNumber();
      if (this.#text.take('OFFSET')) this.#text.expectNumber();
    }
    return columns;
  }

  #takeSetOperator(): boolean {
    if (this.#text.take('UNION')) {
      this.#text.take('ALL');
      return true;
    }
    return this.#text.take('INTERSECT') || this.#text.take('EXCEPT');
  }

  #select(block: Block, width: number | undefined): number | undefined {
    this.#text.expect('SELECT');
    this.#selects += 1;
    this.#text.take('DISTINCT');
    const columns = this.#selectList(block, width);
    this.#text.expect('FROM');
    block.isListed = true;
    this.#from(block);
    if (this.#text.take('WHERE')) this.#condition({ block, aggregates: false, isWhere: true });
    if (this.#text.take('GROUP')) {
      block.isGrouped = true;
      this.#text.expect('BY');
      this.#several(
        () => this.#arithmetic({ block, aggregates: false }),
        () => this.#text.takeSymbol(','),
      );
      if (this.#text.take('HAVING')) this.#condition({ block, aggregates: true });
    }
    if (this.#names.isStrict && !block.isGrouped && block.hasColumn && isOfAnyRow(block)) throw STOPPED;
    return columns;
  }

  #selectList(block: Block, width: number | undefined): number | undefined {
    let columns: number | undefined = 0;
    while (true) {
      if (this.#text.takeSymbol('*')) columns = undefined;
      else if (this.#selectItem(block) && columns !== undefined) columns += 1;
      else columns = undefined;
      const isFull = columns !== undefined && columns === width;
      if (columns !== undefined && width !== undefined && columns < width) this.#text.expectSymbol(',');
      else if (isFull || !this.#text.takeSymbol(',')) return columns;
    }
  }

  /** False for `table.*`, whose columns are not counted. */
  #selectItem(block: Block): boolean {
    const [table, dot, star] = [0, 1, 2].map((ahead) => this.#text.look(ahead));
    if (
      table?.kind === 'word' &&
      dot?.value === '.' &&
      star?.kind === 'symbol' &&
      star.value === '*' &&
      this.#names.tables.has(table.value)
    ) {
      this.#text.skip(3);
      block.qualified.set(table.value, block.qualified.get(table.value) ?? new Set());
      return false;
    }
    this.#arithmetic({ block, aggregates: true });
    return true;
  }

  #from(block: Block): void {
    this.#source(block, (table) => this.#names.canBegin(table, block));
    while (true) {
      const joinable = this.#names.joinable(block);
      if (joinable.size === 0) break;
      if (this.#text.take('LEFT')) {
        this.#text.take('OUTER');
        this.#text.expect('JOIN');
      } else if (!this.#text.take('JOIN')) break;
      this.#source(block, (table) => joinable.has(table));
      if (this.#text.take('ON')) this.#on(block);
    }
    // What the SELECT list names has to come from somewhere.
    if (!this.#names.isCovered(block)) throw STOPPED;
  }

  #source(block: Block, allowed: (table: string) => boolean): void {
    if (this.#canSelectFrom(block) && this.#text.takeSymbol('(')) {
      this.query({ outer: block.outer, width: undefined, depth: block.depth + 1 });
      this.#text.expectSymbol(')');
      block.sources.push({ qualifier: this.#text.take('AS') ? this.#alias(() => true) : '' });
      return;
    }
    const table = this.#text.expectName([...this.#names.tables.keys()].filter(allowed));
    const columns = this.#names.tables.get(table) ?? new Set<string>();
    let qualifier = table;
    const needsAlias = this.#names.isStrict && this.#names.needsAlias(table, block);
    if (needsAlias) this.#text.expect('AS');
    if (needsAlias || (this.#names.canHaveAlias(table, block) && this.#text.take('AS'))) {
      qualifier = this.#alias((alias) => {
        const used = block.qualified.get(alias);
        return !this.#names.isScoped || used === undefined || [...used].every((column) => columns.has(column));
      });
    }
    // The same table twice needs an alias.
    if (block.sources.some((source) => source.qualifier === qualifier)) throw STOPPED;
    block.sources.push({ qualifier, table, columns });
  }

  /** A weak model goes on from a subquery to others: strictly it stands alone, and rows of it are counted. */
  #canSelectFrom(block: Block): boolean {
    if (!this.#names.isStrict) return true;
    return this.#canNest(block) && block.sources.length === 0 && block.bare.size === 0 && block.qualified.size === 0;
  }

  /** After JOIN: along a declared key where one connects the new table with what stands before it. */
  #on(block: Block): void {
    const newest = block.sources.at(-1);
    const earlier = block.sources.slice(0, -1);
    const pairs = earlier.flatMap((source) => this.#names.pairs(source, newest));
    if (!this.#names.isScoped || newest?.table === undefined || pairs.length === 0) {
      this.#condition({ block, aggregates: false });
      return;
    }
    this.#alongKey(pairs);
    if (!this.#names.isStrict) {
      while (this.#takeAndOr()) this.#term({ block, aggregates: false });
    } else if (this.#names.isCovered(block)) {
      if (this.#takeAndOr()) this.#plainTerm({ block, aggregates: false });
    } else if (pairs.length > 1 && this.#text.take('AND')) {
      // Where another table has yet to come, a weak model would rather go on with conditions: only the rest of a key may stand here.
      this.#alongKey(pairs);
    }
  }

  #alongKey(pairs: readonly (readonly [ColumnOf, ColumnOf])[]): void {
    const left = this.#qualifiedColumn(pairs.flat());
    this.#text.expectSymbol('=');
    this.#qualifiedColumn(pairs.flatMap(([a, b]) => (isSame(a, left) ? [b] : isSame(b, left) ? [a] : [])));
  }

  #qualifiedColumn(allowed: readonly ColumnOf[]): ColumnOf {
    const qualifier = this.#text.expectName(allowed.map((column) => column.qualifier));
    this.#text.expectSymbol('.');
    const column = this.#text.expectName(
      allowed.filter((candidate) => candidate.qualifier === qualifier).map((candidate) => candidate.column),
    );
    return { qualifier, column };
  }

  #condition(place: ExpressionPlace): void {
    this.#several(
      () => this.#term(place),
      () => this.#takeAndOr(),
    );
  }

  #several(one: () => void, between: () => boolean, most = MOST_PARTS): void {
    one();
    this.#more(one, between, most);
  }

  /** What follows the first of several. A weak model would go on with the same until the answer is cut off: strictly there is a most. */
  #more(one: () => void, between: () => boolean, most = MOST_PARTS): void {
    let count = 0;
    while ((!this.#names.isStrict || ++count < most) && between()) one();
  }

  #takeAndOr(): boolean {
    return this.#text.take('AND') || this.#text.take('OR');
  }

  #term(place: ExpressionPlace): void {
    if (this.#text.take('NOT')) {
      this.#term(place);
      return;
    }
    if (this.#canNest(place.block) && this.#text.take('EXISTS')) {
      this.#text.expectSymbol('(');
      this.#subquery(place, undefined);
      return;
    }
    if (this.#text.isSymbol('(') && !(this.#canNest(place.block) && this.#text.isKeyword('SELECT', 1))) {
      this.#text.takeSymbol('(');
      this.#open();
      this.#groupOrTerm(place);
      return;
    }
    this.#plainTerm(place);
  }

  #plainTerm(place: ExpressionPlace): void {
    const begin = this.#text.at;
    this.#termAt = place.isWhere === true ? begin : undefined;
    this.#arithmetic(place);
    if (!this.#comparison(place, this.#columnSince(begin, place))) throw STOPPED;
  }

  /** The column that the expression read since then is, if it is no more than one. */
  #columnSince(begin: number, { block }: ExpressionPlace): ColumnOf | undefined {
    const [first, dot, second, more] = this.#text.since(begin);
    if (first?.kind !== 'word' || (dot !== undefined && second?.kind !== 'word') || more !== undefined) return undefined;
    const column = second?.value ?? first.value;
    const source = block.sources.find(({ qualifier, columns }) => (second ? qualifier === first.value : columns?.has(column) === true));
    return source?.table === undefined ? undefined : { qualifier: source.table, column };
  }

  /** After `(`: conditions, or an arithmetic expression that is then compared. */
  #groupOrTerm(place: ExpressionPlace): void {
    if (this.#text.isSymbol('(')) {
      this.#condition(place);
      this.#close();
      return;
    }
    if (this.#text.take('NOT')) {
      this.#term(place);
    } else {
      this.#arithmetic(place);
      if (this.#text.takeSymbol(')')) {
        this.#parentheses -= 1;
        while (ARITHMETIC.some((operator) => this.#text.takeSymbol(operator))) this.#operand(place);
        if (!this.#comparison(place)) throw STOPPED;
        return;
      }
      if (!this.#comparison(place)) throw STOPPED;
    }
    this.#more(
      () => this.#term(place),
      () => this.#takeAndOr(),
    );
    this.#close();
  }

  /** After `(` around conditions or a sum. */
  #open(): void {
    this.#parentheses += 1;
    if (this.#names.isStrict && this.#parentheses > MOST_PARENTHESES) throw STOPPED;
  }

  #close(): void {
    this.#text.expectSymbol(')');
    this.#parentheses -= 1;
  }

  #comparison(place: ExpressionPlace, left?: ColumnOf): boolean {
    if (COMPARISONS.some((operator) => this.#text.takeSymbol(operator))) {
      this.#arithmetic(place);
      return true;
    }
    if (this.#text.take('IS')) {
      this.#text.take('NOT');
      this.#text.expect('NULL');
      return true;
    }
    const isNegated = this.#text.take('NOT');
    if (this.#text.take('LIKE')) {
      this.#arithmetic(place);
      return true;
    }
    if (this.#text.take('BETWEEN')) {
      this.#arithmetic(place);
      this.#text.expect('AND');
      this.#arithmetic(place);
      return true;
    }
    if (this.#text.take('IN')) {
      this.#text.expectSymbol('(');
      if (this.#canNest(place.block) && this.#text.isKeyword('SELECT')) {
        this.#subquery(place, 1, left);
      } else {
        this.#several(
          () => this.#arithmetic(place),
          () => this.#text.takeSymbol(','),
          MOST_VALUES,
        );
        this.#text.expectSymbol(')');
      }
      return true;
    }
    if (isNegated) throw STOPPED;
    return false;
  }

  #canNest({ depth }: Block): boolean {
    return !this.#names.isStrict || (depth < MOST_DEPTH && this.#selects < MOST_SELECTS);
  }

  #subquery({ block }: ExpressionPlace, width: number | undefined, sought?: ColumnOf): void {
    this.query({ outer: [...block.sources, ...block.outer], width, depth: block.depth + 1, sought });
    this.#text.expectSymbol(')');
  }

  #arithmetic(place: ExpressionPlace): void {
    this.#several(
      () => this.#operand(place),
      () => ARITHMETIC.some((operator) => this.#text.takeSymbol(operator)),
    );
  }

  #operand(place: ExpressionPlace): void {
    if (this.#text.takeSymbol('(')) {
      if (this.#canNest(place.block) && this.#text.isKeyword('SELECT')) {
        this.#subquery(place, 1);
        return;
      }
      this.#open();
      this.#arithmetic(place);
      this.#close();
      return;
    }
    if (this.#text.takeSymbol('-')) {
      if (this.#names.isStrict && this.#text.isSymbol('-')) throw STOPPED;
      this.#operand(place);
      return;
    }
    if (this.#text.takeKind('number') || this.#text.takeKind('text')) return;
    if (this.#call(place)) return;
    this.#column(place);
  }

  #call(place: ExpressionPlace): boolean {
    const token = this.#text.peek();
    if (!place.aggregates) return false;
    if (token.open) this.#text.noteAt(token, AGGREGATES);
    if (token.open || token.kind !== 'word') return false;
    if (this.#text.look(1)?.value !== '(' || !AGGREGATES.includes(token.value)) return false;
    this.#text.skip(2);
    if (!place.block.isListed) place.block.aggregates.push(token.value);
    if (!(token.value === 'count' && this.#text.takeSymbol('*'))) {
      this.#text.take('DISTINCT');
      this.#arithmetic({ ...place, aggregates: false });
    }
    this.#text.expectSymbol(')');
    return true;
  }

  #column(place: ExpressionPlace): void {
    const { block, aggregates } = place;
    if (!block.isListed && aggregates) block.hasColumn = true;
    const begin = this.#text.at;
    const next = this.#text.look(1);
    const isQualified = next?.kind === 'symbol' && next.value === '.';
    if (this.#text.peek().open) {
      const possible = [...this.#names.qualifiers(block), ...this.#names.bareColumns(place)];
      if (block.isListed) this.#noteStandIn(block.sources, possible, place, begin);
      this.#text.expectName(possible);
    } else if (!isQualified) {
      const column = this.#text.expectName(this.#names.bareColumns(place));
      if (!block.isListed) block.bare.add(column);
    } else {
      const qualifier = this.#text.expectName(this.#names.qualifiers(block));
      this.#text.expectSymbol('.');
      const columns = [...this.#names.columnsOf(qualifier, block)];
      if (block.isListed)
        this.#noteStandIn(
          block.sources.filter((source) => source.qualifier === qualifier),
          columns,
          place,
          begin,
        );
      const column = this.#text.expectName(columns);
      if (!block.isListed) block.qualified.set(qualifier, (block.qualified.get(qualifier) ?? new Set()).add(column));
    }
  }

  /** At the end of the text: what is written there begins no name that can stand there, but one that a key leads to. With its table it begins at `begin`. */
  #noteStandIn(sources: readonly Source[], possible: readonly string[], place: ExpressionPlace, begin: number): void {
    const { open, kind, value } = this.#text.peek();
    if (!this.#names.isStrict || !open || kind !== 'word' || value === '' || possible.some((name) => name.startsWith(value))) return;
    const { columns, subqueries } = this.#names.standIns(value, sources, possible);
    const begins = begin === this.#termAt && this.#canNest(place.block);
    const [only, ...others] = columns.size > 0 || !begins ? columns : subqueries;
    if (others.length === 0) this.standIn = only;
  }

  #alias(isAllowed: (name: string) => boolean): string {
    return this.#text.expectName(ALIASES.filter(isAllowed));
  }
}

/** SQLite takes a column beside an aggregate from the row of a least or greatest value, beside any other from whichever row it comes to last. */
function isOfAnyRow({ aggregates }: Block): boolean {
  const [first, ...others] = aggregates;
  return first !== undefined && (others.length > 0 || !['min', 'max'].includes(first));
}

function isSame(a: ColumnOf, b: ColumnOf): boolean {
  return a.qualifier === b.qualifier && a.column === b.column;
}
