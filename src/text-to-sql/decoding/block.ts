export interface ColumnOf {
  readonly qualifier: string;
  readonly column: string;
}

export interface Source {
  readonly qualifier: string;
  /** undefined for a subquery. */
  readonly table?: string;
  /** undefined where the columns are not known: any name goes. */
  readonly columns?: ReadonlySet<string>;
}

/** One SELECT as far as it is read. */
export interface Block {
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

/** What a block stands in. */
export interface BlockPlace {
  readonly outer: readonly Source[];
  readonly depth: number;
  readonly sought?: ColumnOf | undefined;
}

export function newBlock({ outer, depth, sought }: BlockPlace): Block {
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

export function isAlias({ qualifier, table }: Source): boolean {
  return table !== undefined && qualifier !== table;
}

/** As canonical queries name the sides of a self-join; the SELECT list may do so before FROM gives them. */
export const ALIASES = ['t1', 't2', 't3', 't4'];
