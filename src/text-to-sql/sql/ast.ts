/** Where a node stands in the source: UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Identifier extends Span {
  /** The name without its quotes, as written. */
  readonly name: string;
  /** The opening quote, '' where there is none. */
  readonly quote: '' | '"' | '`' | '[' | "'";
}

export interface Query extends Span {
  readonly kind: 'query';
  readonly recursive: boolean;
  readonly ctes: readonly Cte[];
  /** At least one; joined from left to right by `operators`, of which there is one fewer. */
  readonly cores: readonly (Select | Values)[];
  readonly operators: readonly CompoundOperator[];
  readonly orderBy: OrderBy | null;
  readonly limit: Limit | null;
}

export type CompoundOperator = 'UNION' | 'UNION ALL' | 'INTERSECT' | 'EXCEPT';

export interface Cte extends Span {
  readonly kind: 'cte';
  readonly name: Identifier;
  readonly columns: readonly Identifier[];
  readonly materialized: 'MATERIALIZED' | 'NOT MATERIALIZED' | null;
  readonly query: Query;
}

export interface Select extends Span {
  readonly kind: 'select';
  /** The word DISTINCT, where it is written. */
  readonly distinct: Span | null;
  readonly columns: readonly ResultColumn[];
  readonly from: From | null;
  readonly where: Clause | null;
  readonly groupBy: GroupBy | null;
  readonly having: Clause | null;
  readonly windows: readonly NamedWindow[];
}

export interface Values extends Span {
  readonly kind: 'values';
  readonly rows: readonly (readonly Expression[])[];
}

export interface ResultColumn extends Span {
  readonly kind: 'result';
  /** null for `*` and `t.*`. */
  readonly expression: Expression | null;
  /** The t of `t.*`. */
  readonly starOf: Identifier | null;
  readonly alias: Identifier | null;
}

/** WHERE or HAVING with its keyword. */
export interface Clause extends Span {
  readonly kind: 'clause';
  readonly condition: Expression;
}

export interface GroupBy extends Span {
  readonly kind: 'groupBy';
  readonly expressions: readonly Expression[];
}

export interface OrderBy extends Span {
  readonly kind: 'orderBy';
  readonly terms: readonly OrderTerm[];
}

export interface OrderTerm extends Span {
  readonly kind: 'orderTerm';
  readonly expression: Expression;
  readonly descending: boolean;
  /** The word ASC or DESC, where it is written. */
  readonly direction: Span | null;
  readonly nulls: 'FIRST' | 'LAST' | null;
}

export interface Limit extends Span {
  readonly kind: 'limit';
  readonly count: Expression;
  readonly offset: Expression | null;
}

export interface From extends Span {
  readonly kind: 'from';
  readonly items: readonly FromItem[];
}

export interface Join extends Span {
  readonly kind: 'join';
  /** ',' or the words as they stand: 'JOIN', 'LEFT OUTER JOIN', 'NATURAL JOIN' … in capitals. */
  readonly operator: string;
  /** The operator's own place, so that it can be replaced. */
  readonly operatorSpan: Span;
  readonly on: Expression | null;
  readonly using: readonly Identifier[];
}

/** One source of a FROM clause with the join that brings it in; the first has none. The span begins at the join's operator. */
export interface FromItem extends Span {
  readonly kind: 'fromItem';
  readonly join: Join | null;
  readonly source: TableSource | SubquerySource | GroupSource;
}

export interface TableSource extends Span {
  readonly kind: 'tableSource';
  readonly schema: Identifier | null;
  readonly name: Identifier;
  /** Not null for a table-valued function. */
  readonly arguments: readonly Expression[] | null;
  readonly alias: Identifier | null;
  /** `INDEXED BY x` or `NOT INDEXED`, as written. */
  readonly indexed: string | null;
}

export interface SubquerySource extends Span {
  readonly kind: 'subquerySource';
  readonly query: Query;
  readonly alias: Identifier | null;
}

/** `( a JOIN b … )`. */
export interface GroupSource extends Span {
  readonly kind: 'groupSource';
  readonly items: readonly FromItem[];
  readonly alias: Identifier | null;
}

export interface NamedWindow extends Span {
  readonly kind: 'namedWindow';
  readonly name: Identifier;
  readonly window: Window;
}

export interface Window extends Span {
  readonly kind: 'window';
  readonly base: Identifier | null;
  readonly partitionBy: readonly Expression[];
  readonly orderBy: OrderBy | null;
  readonly frame: Frame | null;
}

export interface Frame extends Span {
  readonly kind: 'frame';
  readonly unit: 'RANGE' | 'ROWS' | 'GROUPS';
  readonly from: FrameBound;
  readonly to: FrameBound | null;
  readonly exclude: 'NO OTHERS' | 'CURRENT ROW' | 'GROUP' | 'TIES' | null;
}

export interface FrameBound extends Span {
  readonly kind: 'frameBound';
  readonly type: 'UNBOUNDED PRECEDING' | 'UNBOUNDED FOLLOWING' | 'CURRENT ROW' | 'PRECEDING' | 'FOLLOWING';
  readonly expression: Expression | null;
}

export interface Literal extends Span {
  readonly kind: 'literal';
  readonly type: 'string' | 'number' | 'blob' | 'null' | 'boolean' | 'time';
  /** A string's text without quotes; everything else as written. */
  readonly value: string;
}

export interface ColumnReference extends Span {
  readonly kind: 'column';
  readonly schema: Identifier | null;
  readonly table: Identifier | null;
  readonly name: Identifier;
}

export interface Parameter extends Span {
  readonly kind: 'parameter';
  readonly text: string;
}

export interface Unary extends Span {
  readonly kind: 'unary';
  readonly operator: '-' | '+' | '~' | 'NOT';
  readonly operand: Expression;
}

/** Arithmetic, comparison, AND/OR, ||, -> and the IS family. `==` is kept as '=', `<>` as '!='. */
export interface Binary extends Span {
  readonly kind: 'binary';
  readonly operator: string;
  readonly operatorSpan: Span;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Like extends Span {
  readonly kind: 'like';
  readonly operator: 'LIKE' | 'GLOB' | 'REGEXP' | 'MATCH';
  /** The word NOT, where it is written. */
  readonly not: Span | null;
  readonly left: Expression;
  readonly right: Expression;
  readonly escape: Expression | null;
}

export interface Between extends Span {
  readonly kind: 'between';
  readonly not: Span | null;
  readonly operand: Expression;
  readonly low: Expression;
  readonly high: Expression;
}

export interface In extends Span {
  readonly kind: 'in';
  readonly not: Span | null;
  readonly operand: Expression;
  /** Exactly one of the three is not null. */
  readonly items: readonly Expression[] | null;
  readonly query: Query | null;
  readonly table: TableSource | null;
}

export interface NullTest extends Span {
  readonly kind: 'nullTest';
  readonly not: boolean;
  readonly operand: Expression;
}

export interface Case extends Span {
  readonly kind: 'case';
  readonly operand: Expression | null;
  readonly branches: readonly CaseBranch[];
  readonly otherwise: Expression | null;
}

export interface CaseBranch extends Span {
  readonly kind: 'caseBranch';
  readonly when: Expression;
  readonly then: Expression;
}

export interface Cast extends Span {
  readonly kind: 'cast';
  readonly operand: Expression;
  readonly type: string;
}

export interface Collate extends Span {
  readonly kind: 'collate';
  readonly operand: Expression;
  readonly collation: Identifier;
}

export interface Call extends Span {
  readonly kind: 'call';
  readonly name: Identifier;
  readonly distinct: Span | null;
  /** `f(*)`. */
  readonly star: boolean;
  readonly arguments: readonly Expression[];
  readonly orderBy: OrderBy | null;
  readonly filter: Expression | null;
  readonly over: Window | null;
  readonly overName: Identifier | null;
}

export interface Exists extends Span {
  readonly kind: 'exists';
  readonly query: Query;
}

export interface Subquery extends Span {
  readonly kind: 'subquery';
  readonly query: Query;
}

/** `(a, b)`: a row value; with one item only parentheses. */
export interface Parenthesised extends Span {
  readonly kind: 'parenthesised';
  readonly items: readonly Expression[];
}

export type Expression =
  | Literal
  | ColumnReference
  | Parameter
  | Unary
  | Binary
  | Like
  | Between
  | In
  | NullTest
  | Case
  | Cast
  | Collate
  | Call
  | Exists
  | Subquery
  | Parenthesised;

export type Node =
  | Expression
  | Query
  | Cte
  | Select
  | Values
  | ResultColumn
  | Clause
  | GroupBy
  | OrderBy
  | OrderTerm
  | Limit
  | From
  | Join
  | FromItem
  | TableSource
  | SubquerySource
  | GroupSource
  | NamedWindow
  | Window
  | Frame
  | FrameBound
  | CaseBranch;

/** The nodes directly under one, in the order of the fields (which is the order of the text, but for ORDER BY terms and the like: also). */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const value of Object.values(node) as unknown[]) collect(value, children);
  return children;
}

function collect(value: unknown, into: Node[]): void {
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) collect(item, into);
  } else if (typeof value === 'object' && value !== null && 'kind' in value) {
    into.push(value as Node);
  }
}

/** Every node under (and with) one, parents first. */
export function* walk(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) yield* walk(child);
}

/** Like `walk`, but nested queries are yielded and not entered: what belongs to one SELECT. */
export function* walkOwn(node: Node): Generator<Node> {
  yield node;
  for (const child of childrenOf(node)) {
    if (child.kind === 'query') yield child;
    else yield* walkOwn(child);
  }
}
