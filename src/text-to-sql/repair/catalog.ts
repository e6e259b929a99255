import type { Schema } from '../../database/database.ts';
import type { TableLookup } from '../sql/scopes.ts';
import { bareName, stem } from './words.ts';

export interface CatalogColumn {
  readonly name: string;
  /** Declared type, lower-case. */
  readonly type: string;
}

export interface CatalogTable {
  readonly name: string;
  /** By lower-case name, in the order of the table. */
  readonly columns: ReadonlyMap<string, CatalogColumn>;
  readonly columnNames: ReadonlySet<string>;
  /** Lower-case names of the primary key's columns. */
  readonly primary: readonly string[];
}

/** `table.column` refers to `toTable.toColumn`; all names lower-case. */
export interface Key {
  readonly table: string;
  readonly column: string;
  readonly toTable: string;
  readonly toColumn: string;
}

/** Columns whose name alone says nothing about what they refer to. */
const COMMON_NAMES = new Set(['id', 'name', 'code', 'key']);
const TEXT_TYPE = /char|text|clob|string|date|time|bool|bit|year|enum|^str|^$/;

/** The schema as repairs need it: lower-case look-ups, keys in both directions, the shortest way between tables. */
export class Catalog {
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** Foreign keys as declared. */
  readonly declared: readonly Key[];
  /** Declared ones, and columns named like another table or like its only primary key. */
  readonly keys: readonly Key[];
  readonly lookup: TableLookup;
  readonly #edges = new Map<string, Key[]>();

  constructor(schema: Schema) {
    const tables = new Map<string, CatalogTable>();
    for (const table of schema.tables) {
      const columns = new Map(
        table.columns.map((column) => [column.name.toLowerCase(), { name: column.name, type: column.type.toLowerCase() }]),
      );
      const primary = table.columns
        .filter((column) => column.primaryKey > 0)
        .sort((a, b) => a.primaryKey - b.primaryKey)
        .map((column) => column.name.toLowerCase());
      tables.set(table.name.toLowerCase(), { name: table.name, columns, columnNames: new Set(columns.keys()), primary });
    }
    this.tables = tables;
    this.lookup = (name) => tables.get(name)?.columnNames ?? null;
    this.declared = withoutRepeats(declaredKeys(schema, tables));
    this.keys = [...this.declared, ...inferredKeys(tables, this.declared)];
    for (const key of this.keys) {
      this.#addEdge(key);
      this.#addEdge({ table: key.toTable, column: key.toColumn, toTable: key.table, toColumn: key.column });
    }
  }

  #addEdge(edge: Key): void {
    const edges = this.#edges.get(edge.table);
    if (edges === undefined) this.#edges.set(edge.table, [edge]);
    else edges.push(edge);
  }

  /** Keys that leave a table, in either direction. */
  edges(table: string): readonly Key[] {
    return this.#edges.get(table) ?? [];
  }

  /**
   * The shortest chain of keys from any of the tables to the target; null where there is none, empty where it is one of them. Of several
   * direct keys the one that `preference` values most is taken, then one that refers to the target (which repeats no rows).
   */
  path(from: readonly string[], target: string, preference: (key: Key) => number = () => 0): Key[] | null {
    if (!from.includes(target)) {
      const direct = from.flatMap((table) => this.edges(table).filter((edge) => edge.toTable === target));
      const worth = (edge: Key) => 2 * preference(edge) + (this.keys.includes(edge) ? 1 : 0);
      const best = direct.reduce<Key | null>((found, edge) => (found === null || worth(edge) > worth(found) ? edge : found), null);
      if (best !== null) return [best];
    }
    const cameBy = new Map<string, Key | null>(from.map((table) => [table, null]));
    const queue = [...from];
    for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
      if (table === target) {
        const steps: Key[] = [];
        for (let step = cameBy.get(table) ?? null; step !== null; step = cameBy.get(step.table) ?? null) steps.unshift(step);
        return steps;
      }
      for (const edge of this.edges(table)) {
        if (cameBy.has(edge.toTable)) continue;
        cameBy.set(edge.toTable, edge);
        queue.push(edge.toTable);
      }
    }
    return null;
  }

  /** The declared keys between two tables, in either direction. */
  direct(a: string, b: string): Key[] {
    return this.declared.filter((key) => (key.table === a && key.toTable === b) || (key.table === b && key.toTable === a));
  }

  /** A column of a primary key, or one that refers to another or is referred to. */
  isKey(table: string, column: string): boolean {
    return this.tables.get(table)?.primary.includes(column) === true || this.edges(table).some((edge) => edge.column === column);
  }

  /** What a column refers to, as `table.column`. */
  referred(table: string, column: string): string[] {
    return this.declared.filter((key) => key.table === table && key.column === column).map((key) => `${key.toTable}.${key.toColumn}`);
  }

  /** A column as it is written in the schema. */
  columnName(table: string, column: string): string {
    return this.tables.get(table)?.columns.get(column)?.name ?? column;
  }

  tableName(table: string): string {
    return this.tables.get(table)?.name ?? table;
  }

  /** Whether the declared type lets one expect text (SQLite stores what it is given, whatever the type). */
  holdsText(table: string, column: string): boolean {
    return isText(this.tables.get(table)?.columns.get(column));
  }
}

function declaredKeys(schema: Schema, tables: ReadonlyMap<string, CatalogTable>): Key[] {
  return schema.tables.flatMap((table) =>
    table.foreignKeys.flatMap((key) =>
      key.columns.flatMap((column, index): Key[] => {
        const target = tables.get(key.table.toLowerCase());
        const toColumn = (key.references[index] ?? target?.primary[index])?.toLowerCase();
        const own = tables.get(table.name.toLowerCase());
        if (
          target === undefined ||
          toColumn === undefined ||
          !target.columns.has(toColumn) ||
          own?.columns.has(column.toLowerCase()) !== true
        )
          return [];
        return [{ table: table.name.toLowerCase(), column: column.toLowerCase(), toTable: key.table.toLowerCase(), toColumn }];
      }),
    ),
  );
}

/** Some schemas declare a key twice, which would look like two ways between the tables. */
function withoutRepeats(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [[key.table, key.column, key.toTable, key.toColumn].join('\n'), key])).values()];
}

/** Between tables that no declared key links. */
function inferredKeys(tables: ReadonlyMap<string, CatalogTable>, declared: readonly Key[]): Key[] {
  const linked = new Set(declared.flatMap((key) => [`${key.table}\n${key.toTable}`, `${key.toTable}\n${key.table}`]));
  const byName = new Map<string, { readonly toTable: string; readonly toColumn: string }[]>();
  for (const [toTable, table] of tables) {
    const [toColumn] = table.primary;
    if (toColumn === undefined || table.primary.length !== 1) continue;
    const names = new Set([stem(bareName(toTable)), ...(COMMON_NAMES.has(toColumn) ? [] : [toColumn])]);
    for (const name of names) byName.set(name, [...(byName.get(name) ?? []), { toTable, toColumn }]);
  }
  return [...tables].flatMap(([table, { columns }]) =>
    [...columns.keys()].flatMap((column) =>
      (byName.get(column) ?? [])
        .filter(({ toTable, toColumn }) => {
          const sameType = isText(columns.get(column)) === isText(tables.get(toTable)?.columns.get(toColumn));
          return toTable !== table && !linked.has(`${table}\n${toTable}`) && (column === toColumn || sameType);
        })
        .map((target) => ({ table, column, ...target })),
    ),
  );
}

function isText(column: CatalogColumn | undefined): boolean {
  return column !== undefined && TEXT_TYPE.test(column.type);
}
