import type { Schema } from '../../database/database.ts';
import { foldName } from '../sql-name.ts';

/** The names that a query on a database may use, folded. Plain data: it goes with a request to the engine's worker. */
export interface Names {
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Pairs of columns that tables are joined along: declared references, and those that only the names tell of. */
  readonly keys: readonly Key[];
}

export interface Key {
  readonly table: string;
  readonly column: string;
  readonly refersTo: string;
  readonly reference: string;
}

/** Names as they are looked up, made once for all readings of an answer. */
export class NameIndex {
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>;
  /** Of all tables. */
  readonly columns: ReadonlySet<string>;
  readonly keys: readonly Key[];

  constructor({ tables, keys }: Names) {
    this.tables = new Map(Object.entries(tables).map(([table, columns]) => [table, new Set(columns)]));
    this.columns = new Set(Object.values(tables).flat());
    this.keys = keys;
  }
}

/** The names of the tables that the model is shown. */
export function namesOf(schema: Schema): Names {
  const tables = Object.fromEntries(
    schema.tables.map((table) => [foldName(table.name), table.columns.map((column) => foldName(column.name))]),
  );
  const primaryKeys = new Map(
    schema.tables.map((table) => [
      foldName(table.name),
      table.columns.filter((column) => column.primaryKey > 0).sort((a, b) => a.primaryKey - b.primaryKey),
    ]),
  );
  const declared = schema.tables.flatMap((table) =>
    table.foreignKeys.flatMap((key) =>
      key.columns.flatMap((column, at) => {
        const refersTo = foldName(key.table);
        // SQLite: a reference that names no columns means the primary key.
        const reference = key.references[at] ?? primaryKeys.get(refersTo)?.[at]?.name;
        if (reference === undefined || tables[refersTo] === undefined) return [];
        return [{ table: foldName(table.name), column: foldName(column), refersTo, reference: foldName(reference) }];
      }),
    ),
  );
  return { tables, keys: [...declared, ...undeclared(schema, declared)] };
}

/** A column with the name of another table's primary key, where it refers to nothing else: many databases declare no keys. */
function undeclared(schema: Schema, declared: readonly Key[]): Key[] {
  const referring = new Set(declared.map((key) => `${key.table}.${key.column}`));
  return schema.tables.flatMap((parent) => {
    const [only, ...more] = parent.columns.filter((column) => column.primaryKey > 0);
    if (!only || more.length > 0) return [];
    const reference = foldName(only.name);
    const refersTo = foldName(parent.name);
    return schema.tables.flatMap((child) => {
      const table = foldName(child.name);
      const own = child.columns.filter((column) => column.primaryKey > 0);
      const isOwnKey = own.length === 1 && own.some((column) => foldName(column.name) === reference);
      const has = child.columns.some((column) => foldName(column.name) === reference);
      if (table === refersTo || !has || isOwnKey || referring.has(`${table}.${reference}`)) return [];
      return [{ table, column: reference, refersTo, reference }];
    });
  });
}
