import { sqlName } from '../sql-name.ts';
import { ALIASES, isAlias, type Block, type ColumnOf, type Source } from './block.ts';
import type { NameIndex } from './names.ts';

/**
 * How closely a query is held to the database. `database`: its names are there. `query`: each stands where SQLite finds it. `strict`: moreover it has
 * groups where aggregates need them, and joins tables with themselves, nests queries and selects from them only as the students' style does. What a
 * less close scope allows, repair can often put right, knowing the whole query.
 */
export type Scope = 'database' | 'query' | 'strict';

/** A table is joined with itself, or twice with another: hardly a query has it more often. */
const MOST_OF_A_TABLE = 2;

/** Which names can stand where in a query, as far as it is read, for it to be in a scope. */
export class NamesInPlace {
  readonly tables: NameIndex['tables'];
  readonly #columns: NameIndex['columns'];
  readonly #keys: NameIndex['keys'];
  /** Held to `query` or closer. */
  readonly isScoped: boolean;
  readonly isStrict: boolean;

  constructor({ tables, columns, keys }: NameIndex, scope: Scope) {
    this.tables = tables;
    this.#columns = columns;
    this.#keys = keys;
    this.isScoped = scope !== 'database';
    this.isStrict = scope === 'strict';
  }

  /** A table that has every column which the list names without a table; where tables are named, any may begin. */
  canBegin(table: string, block: Block): boolean {
    const { bare, qualified } = block;
    if (this.isStrict) {
      const sides = this.#awaited(block);
      if (sides.length > 0 && !sides.some((columns) => this.#canGive(table, columns))) return false;
    }
    if (!this.isScoped || qualified.size > 0) return true;
    return [...bare].every((column) => this.tables.get(table)?.has(column) === true);
  }

  /** A table that stands there twice comes first, or after one that refers to it twice: `FROM flights JOIN airports AS t1`. */
  #canGive(table: string, columns: ReadonlySet<string>): boolean {
    if (this.#hasAll(table, columns)) return true;
    const referred = this.#keys.filter((key) => key.table === table).map((key) => key.refersTo);
    return referred.some((other, index) => referred.indexOf(other) !== index && this.#hasAll(other, columns));
  }

  #hasAll(table: string, columns: ReadonlySet<string>): boolean {
    return [...columns].every((column) => this.tables.get(table)?.has(column) === true);
  }

  /** The columns that the SELECT list takes by each alias that no source has yet. */
  #awaited({ sources, qualified }: Block): ReadonlySet<string>[] {
    return [...qualified].flatMap(([qualifier, columns]) =>
      ALIASES.includes(qualifier) && !sources.some((source) => source.qualifier === qualifier) ? [columns] : [],
    );
  }

  /** Whether the sources have what the SELECT list names, each name in one of them. */
  isCovered({ sources, bare, qualified }: Block): boolean {
    if (!this.isScoped || sources.some((source) => source.columns === undefined)) return true;
    if (
      this.isStrict &&
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
  joinable({ sources, bare }: Block): ReadonlySet<string> {
    if (!this.isScoped) return new Set(this.tables.keys());
    if (this.isStrict && sources.some((source) => source.table === undefined)) return new Set();
    const own = new Set(sources.map((source) => source.table));
    const neighbours = this.#keyEnds(sources).map(({ there }) => there.qualifier);
    const candidates = neighbours.length > 0 ? [...neighbours, ...[...own].flatMap((table) => table ?? [])] : [...this.tables.keys()];
    const found = new Set([...bare].filter((column) => sources.some((source) => source.columns?.has(column) === true)));
    return new Set(
      candidates.filter(
        (table) =>
          ![...found].some((column) => this.tables.get(table)?.has(column) === true) &&
          this.#canRepeat(sources.filter((source) => source.table === table)),
      ),
    );
  }

  #canRepeat(same: readonly Source[]): boolean {
    return !this.isStrict || (same.length < MOST_OF_A_TABLE && same.every(isAlias));
  }

  /** The table stands there already, or has what the SELECT list names by an alias that nothing has yet. */
  needsAlias(table: string, block: Block): boolean {
    return block.sources.some((source) => source.table === table) || this.#awaited(block).some((columns) => this.#hasAll(table, columns));
  }

  /** With an alias a table will stand there twice: what the SELECT list names of it by its own name, or by none, would not be found. */
  canHaveAlias(table: string, { bare, qualified }: Block): boolean {
    if (!this.isStrict) return true;
    return !qualified.has(table) && ![...bare].some((column) => this.tables.get(table)?.has(column) === true);
  }

  /** The keys between two sources: what a join of the two compares. */
  pairs(source: Source, newest: Source | undefined): [ColumnOf, ColumnOf][] {
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

  /**
   * What can stand for a name that begins as written, and that the sources do not have, but a table that a key leads to: a column which shares the key with
   * it, or the beginning of a subquery on that table. Both only of keys whose column is among the possible names.
   */
  standIns(
    written: string,
    sources: readonly Source[],
    possible: readonly string[],
  ): { readonly columns: ReadonlySet<string>; readonly subqueries: ReadonlySet<string> } {
    const columns = new Set<string>();
    const subqueries = new Set<string>();
    for (const { here, there } of this.#keyEnds(sources)) {
      if (!possible.includes(here.column)) continue;
      if (there.column.startsWith(written)) columns.add(sqlName(here.column));
      else if ([there.qualifier, ...(this.tables.get(there.qualifier) ?? [])].some((name) => name.startsWith(written)))
        subqueries.add(`${sqlName(here.column)} IN (SELECT ${sqlName(there.column)} FROM ${sqlName(there.qualifier)} WHERE`);
    }
    return { columns, subqueries };
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

  /** What may stand before a dot. */
  qualifiers(block: Block): string[] {
    if (!this.isScoped || !block.isListed) return [...this.tables.keys(), ...ALIASES];
    return [...block.sources, ...block.outer].map((source) => source.qualifier);
  }

  /** What may stand behind it. */
  columnsOf(qualifier: string, block: Block): Iterable<string> {
    if (!this.isScoped) return this.#columns;
    if (!block.isListed) return this.tables.get(qualifier) ?? this.#columns;
    const source = [...block.sources, ...block.outer].find((candidate) => candidate.qualifier === qualifier);
    return source?.columns ?? this.#columns;
  }

  /** Columns that need no table's name here. */
  bareColumns({ block, aggregates }: { readonly block: Block; readonly aggregates: boolean }): string[] {
    if (!this.isScoped) return [...this.#columns];
    if (!block.isListed) {
      const { bare, qualified } = block;
      const columns =
        bare.size === 0 || qualified.size > 0
          ? [...this.#columns]
          : [...this.tables.values()].filter((own) => [...bare].every((column) => own.has(column))).flatMap((own) => [...own]);
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
    if (!this.isStrict || sought === undefined) return undefined;
    const { qualifier: own, column } = sought;
    const referring = this.#keys.filter((key) => key.refersTo === own && key.reference === column).map((key) => key.column);
    // Where it refers to something itself, what is looked for may do so too.
    if (referring.length === 0 || this.#keys.some((key) => key.table === own && key.column === column)) return undefined;
    const isElsewhere = [...this.tables].some(([table, columns]) => table !== own && columns.has(column));
    return new Set(isElsewhere ? [...referring, column] : referring);
  }
}
