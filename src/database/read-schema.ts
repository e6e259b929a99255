import type { Connection } from './connection.ts';
import type { Column, ForeignKey, Schema, Table } from './database.ts';

/**
 * Reading a schema is cut into steps, because any of them may take for ever: a view that joins views doubles or triples SQLite's time a
 * level (RELIABILITY.md, finding 6), and a crafted b-tree makes counting endless. Whoever holds the worker sees which step was
 * begun, ends the worker if it lasts too long, and goes on behind it in a new one.
 */
export type SchemaEvent =
  | { readonly kind: 'listed'; readonly objects: readonly ListedObject[] }
  | { readonly kind: 'begun'; readonly step: SchemaStep }
  | { readonly kind: 'columns'; readonly name: string; readonly columns: readonly Column[]; readonly foreignKeys: readonly ForeignKey[] }
  | { readonly kind: 'counted'; readonly name: string; readonly rows: number }
  | { readonly kind: 'failed'; readonly step: SchemaStep; readonly problem: string };

export interface ListedObject {
  readonly name: string;
  readonly kind: 'table' | 'view';
}

/** `columns:<name>` or `count:<name>` */
export type SchemaStep = `columns:${string}` | `count:${string}`;

/** @param done steps that are not to be taken (again) */
export function* readSchema(connection: Connection, done: ReadonlySet<string>): Generator<SchemaEvent, void, undefined> {
  const objects = listObjects(connection);
  yield { kind: 'listed', objects };
  // Tables before views, columns before counts: what is needed most comes first, what may be slow last.
  const tables = objects.filter(({ kind }) => kind === 'table');
  const views = objects.filter(({ kind }) => kind === 'view');
  for (const { name } of [...tables, ...views]) {
    const step: SchemaStep = `columns:${name}`;
    if (done.has(step)) continue;
    yield { kind: 'begun', step };
    yield attempt(step, () => {
      const columns = readColumns(connection, name);
      if (columns.length === 0) return { kind: 'failed', step, problem: 'SQLite does not find it under this name.' };
      return { kind: 'columns', name, columns, foreignKeys: readForeignKeys(connection, name) };
    });
  }
  for (const { name } of tables) {
    const step: SchemaStep = `count:${name}`;
    if (done.has(step)) continue;
    yield { kind: 'begun', step };
    yield attempt(step, () => ({ kind: 'counted', name, rows: Number(connection.readOne(`SELECT count(*) FROM ${quoteName(name)}`)) }));
  }
}

function attempt(step: SchemaStep, read: () => SchemaEvent): SchemaEvent {
  try {
    return read();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    return { kind: 'failed', step, problem: `SQLite says: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

/** Tables and views by sqlite_schema alone: PRAGMA table_list would look into every view. */
function listObjects(connection: Connection): ListedObject[] {
  const rows = connection.readAll(
    "SELECT type, name, substr(sql, 1, 2000) FROM sqlite_schema WHERE type IN ('table', 'view') AND typeof(name) = 'text' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
  );
  const shadows = new Set<string>();
  for (const [, name, sql] of rows) {
    const module = /^\s*CREATE\s+VIRTUAL\s+TABLE\b[\s\S]*?\bUSING\s+["'`[]?(\w+)/i.exec(String(sql ?? ''))?.[1]?.toLowerCase();
    for (const suffix of SHADOW_SUFFIXES.get(module ?? '') ?? []) shadows.add(`${String(name)}_${suffix}`.toLowerCase());
  }
  return rows
    .map(([type, name]) => ({ name: String(name), kind: type === 'view' ? ('view' as const) : ('table' as const) }))
    .filter(({ name, kind }) => kind === 'view' || !shadows.has(name.toLowerCase()));
}

/** The tables in which a virtual table keeps its index (fts3.c, fts5_main.c, rtree.c: xShadowName). */
const SHADOW_SUFFIXES: ReadonlyMap<string, readonly string[]> = new Map([
  ['fts3', ['content', 'segments', 'segdir', 'docsize', 'stat']],
  ['fts4', ['content', 'segments', 'segdir', 'docsize', 'stat']],
  ['fts5', ['data', 'idx', 'content', 'docsize', 'config']],
  ['rtree', ['node', 'rowid', 'parent']],
  ['rtree_i32', ['node', 'rowid', 'parent']],
  ['geopoly', ['node', 'rowid', 'parent']],
]);

function readColumns(connection: Connection, table: string): Column[] {
  // table_xinfo: cid, name, type, notnull, dflt_value, pk, hidden; hidden 1 is a virtual table's hidden column, 2 and 3 are generated ones.
  return connection
    .readAll(`PRAGMA table_xinfo(${quoteName(table)})`)
    .filter((row) => row[6] !== 1)
    .map(([, name, type, notNull, , primaryKey]) => ({
      name: String(name),
      type: String(type ?? ''),
      notNull: notNull === 1,
      primaryKey: Number(primaryKey),
    }));
}

function readForeignKeys(connection: Connection, table: string): ForeignKey[] {
  // foreign_key_list: id, seq, table, from, to, on_update, on_delete, match; a composite key has a row a column, ids count downwards.
  const keys = new Map<number, { columns: string[]; table: string; references: string[] }>();
  for (const [id, , parent, from, to] of connection.readAll(`PRAGMA foreign_key_list(${quoteName(table)})`)) {
    const key = keys.get(Number(id)) ?? { columns: [], table: String(parent), references: [] };
    keys.set(Number(id), key);
    key.columns.push(String(from));
    if (to !== null && to !== undefined) key.references.push(String(to));
  }
  return [...keys.entries()].sort(([one], [other]) => other - one).map(([, key]) => key);
}

/** A name as an SQL identifier, whatever it contains. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What is known of a schema so far, put together from events that may come from several workers. */
export class SchemaDraft {
  #objects: readonly ListedObject[] = [];
  #listed = false;
  #begun: SchemaStep | undefined;
  readonly #done = new Set<string>();
  readonly #columns = new Map<string, { readonly columns: readonly Column[]; readonly foreignKeys: readonly ForeignKey[] }>();
  readonly #counts = new Map<string, number>();
  readonly #problems = new Map<string, string>();

  get listed(): boolean {
    return this.#listed;
  }

  /** The step under way, undefined between steps. */
  get begun(): SchemaStep | undefined {
    return this.#begun;
  }

  get done(): ReadonlySet<string> {
    return this.#done;
  }

  add(event: SchemaEvent): void {
    switch (event.kind) {
      case 'listed':
        this.#objects = event.objects;
        this.#listed = true;
        return;
      case 'begun':
        this.#begun = event.step;
        return;
      case 'columns':
        this.#columns.set(event.name, { columns: event.columns, foreignKeys: event.foreignKeys });
        this.#end(`columns:${event.name}`);
        return;
      case 'counted':
        this.#counts.set(event.name, event.rows);
        this.#end(`count:${event.name}`);
        return;
      case 'failed':
        this.#problems.set(event.step, event.problem);
        this.#end(event.step);
        return;
    }
  }

  /** The step under way is given up; the next reading leaves it out. */
  giveUp(problem: string): void {
    if (this.#begun !== undefined) this.add({ kind: 'failed', step: this.#begun, problem });
  }

  /** @param unread the problem of objects whose columns were not reached */
  schema(unread: string): Schema {
    return {
      tables: completeForeignKeys(
        this.#objects.map(({ name, kind }): Table => {
          const read = this.#columns.get(name);
          const problem = read ? this.#problems.get(`count:${name}`) : (this.#problems.get(`columns:${name}`) ?? unread);
          const table = {
            name,
            kind,
            columns: read?.columns ?? [],
            foreignKeys: read?.foreignKeys ?? [],
            rowCount: this.#counts.get(name) ?? null,
          };
          return problem === undefined ? table : { ...table, problem };
        }),
      ),
    };
  }

  #end(step: SchemaStep): void {
    this.#done.add(step);
    this.#begun = undefined;
  }
}

/** `REFERENCES parent` without columns means the parent's primary key; names are given in the spelling of what they name. */
function completeForeignKeys(tables: readonly Table[]): Table[] {
  const byName = new Map(tables.map((table) => [foldAscii(table.name), table]));
  return tables.map((table) => ({
    ...table,
    foreignKeys: table.foreignKeys.map((key) => {
      const parent = byName.get(foldAscii(key.table));
      const columns = key.columns.map((name) => spelling(table, name));
      if (!parent) return { ...key, columns };
      if (key.references.length > 0)
        return { columns, table: parent.name, references: key.references.map((name) => spelling(parent, name)) };
      const primaryKey = parent.columns.filter((column) => column.primaryKey > 0).sort((one, other) => one.primaryKey - other.primaryKey);
      return { columns, table: parent.name, references: primaryKey.length === columns.length ? primaryKey.map(({ name }) => name) : [] };
    }),
  }));
}

function spelling(table: Table, name: string): string {
  return table.columns.find((column) => foldAscii(column.name) === foldAscii(name))?.name ?? name;
}

/** SQLite compares names without regard to the case of ASCII letters only. */
function foldAscii(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
