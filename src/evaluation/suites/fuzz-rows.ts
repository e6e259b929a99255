import type { Schema, SqlValue, Table } from '../../database/database.ts';
import type { Expression, Node } from '../../text-to-sql/sql/ast.ts';
import { readTree } from '../../text-to-sql/sql/tree.ts';
import type { TableLookup } from '../../text-to-sql/sql/scopes.ts';

/** What a column of a fuzzed database may hold. */
export interface ColumnPool {
  /** Cells of the real database and what queries compare the column with; no NULL. */
  readonly values: readonly SqlValue[];
  /** Whether the real column holds NULLs: where it does not, queries need not be ready for them. */
  readonly nullable: boolean;
}

/** By `poolKey`. */
export type Pools = ReadonlyMap<string, ColumnPool>;

export function poolKey(table: string, column: string): string {
  return `${table.toLowerCase()}\n${column.toLowerCase()}`;
}

const NULL_SHARE = 0.15;
/** How many different cells a column draws from: few make groups and ties, many tell columns apart. */
const VARIETIES = [2, 3, 4, 6, 10, 20, Infinity];

/**
 * Rows for every table of a schema (views left out), by its name, in the order of its columns: primary keys unique, foreign keys drawn from the parent's
 * rows, unevenly, so that some parents have many children and some none. After the fuzzing of Zhong, Yu and Klein (EMNLP 2020, section 3.1).
 *
 * @param random of `seededRandom`: the same one gives the same rows
 */
export function fuzzRows(schema: Schema, pools: Pools, random: () => number): Map<string, SqlValue[][]> {
  const rows = new Map<string, SqlValue[][]>();
  const pick = (below: number): number => Math.floor(random() * below);
  for (const table of parentsFirst(schema)) {
    const size = 3 + pick([8, 16, 30][pick(3)] ?? 8);
    const draws = table.columns.map((column) => {
      const parent = parentValues(table, column.name, schema, rows);
      const inKey = column.primaryKey > 0;
      const pool = pools.get(poolKey(table.name, column.name)) ?? { values: [], nullable: false };
      const values =
        parent ??
        someOf(
          pool.values.length > 0 ? pool.values : unknownValues(column.type),
          inKey ? Infinity : (VARIETIES[pick(VARIETIES.length)] ?? 2),
          pick,
        );
      const nulls = pool.nullable && !inKey && !column.notNull;
      return (): SqlValue => {
        if (nulls && random() < NULL_SHARE) return null;
        // The square favours the first: even draws would give every parent the same number of children.
        return values[Math.floor(random() ** (parent === undefined ? 1 : 1.7) * values.length)] ?? null;
      };
    });
    const key = table.columns.flatMap((column, at) => (column.primaryKey > 0 ? [at] : []));
    const seen = new Set<string>();
    const own: SqlValue[][] = [];
    for (let tries = 0; own.length < size && tries < size * 8; tries += 1) {
      const row = draws.map((draw) => draw());
      const id = JSON.stringify(key.map((at) => String(row[at])));
      if (key.length > 0 && (seen.has(id) || key.some((at) => row[at] === null))) continue;
      seen.add(id);
      own.push(row);
    }
    rows.set(table.name, own);
  }
  return rows;
}

/** The values of the parent's column that a single-column foreign key refers to; undefined where there is none or its table has no rows yet. */
function parentValues(table: Table, column: string, schema: Schema, rows: ReadonlyMap<string, SqlValue[][]>): SqlValue[] | undefined {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  for (const key of table.foreignKeys) {
    const at = key.columns.findIndex((name) => same(name, column));
    const parent = schema.tables.find((one) => same(one.name, key.table));
    if (at < 0 || parent === undefined || parent === table) continue;
    const target = parent.columns.findIndex((one) => same(one.name, key.references[at] ?? ''));
    const values = (rows.get(parent.name) ?? []).flatMap((row) => row[target] ?? []);
    if (target >= 0 && values.length > 0) return values;
  }
  return undefined;
}

function parentsFirst(schema: Schema): Table[] {
  const ordered: Table[] = [];
  const visit = (table: Table, above: readonly Table[]): void => {
    if (ordered.includes(table) || above.includes(table)) return;
    for (const key of table.foreignKeys) {
      const parent = schema.tables.find((one) => one.name.toLowerCase() === key.table.toLowerCase());
      if (parent !== undefined) visit(parent, [...above, table]);
    }
    ordered.push(table);
  };
  for (const table of schema.tables) if (table.kind === 'table') visit(table, []);
  return ordered;
}

function someOf(values: readonly SqlValue[], count: number, pick: (below: number) => number): SqlValue[] {
  if (count >= values.length) return [...values];
  return Array.from({ length: count }, () => values[pick(values.length)] ?? null);
}

function unknownValues(type: string): SqlValue[] {
  if (/int|real|num|dec|doub|float|year|bool/i.test(type)) return Array.from({ length: 20 }, (_, at) => at);
  return ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
}

/**
 * What queries compare columns with, by `poolKey`: the literal, its neighbours (numbers one more and less, texts of a LIKE pattern with something
 * around them), so that fuzzed rows fall on both sides of every condition.
 */
export function comparedValues(queries: readonly string[], lookup: TableLookup): Map<string, SqlValue[]> {
  const found = new Map<string, SqlValue[]>();
  for (const sql of queries) {
    const tree = readTree(sql, lookup);
    if (tree === null) continue;
    for (const scope of tree.scopes) {
      for (const node of scope.own()) {
        for (const { column, literals } of comparisons(node)) {
          if (column.kind !== 'column') continue;
          const { source } = scope.resolve(column);
          if (typeof source?.table !== 'string') continue;
          const key = poolKey(source.table, column.name.name);
          const values = literals.flatMap((literal) => around(literal, node.kind === 'like'));
          found.set(key, [...(found.get(key) ?? []), ...values]);
        }
      }
    }
  }
  return found;
}

function comparisons(node: Node): { column: Expression; literals: Expression[] }[] {
  if (node.kind === 'binary')
    return [
      { column: node.left, literals: [node.right] },
      { column: node.right, literals: [node.left] },
    ];
  if (node.kind === 'like') return [{ column: node.left, literals: [node.right] }];
  if (node.kind === 'between') return [{ column: node.operand, literals: [node.low, node.high] }];
  if (node.kind === 'in') return [{ column: node.operand, literals: [...(node.items ?? [])] }];
  return [];
}

function around(literal: Expression, isPattern: boolean): SqlValue[] {
  // SQLite reads a text in double quotes that is no column's name as a text.
  if (literal.kind === 'column') return literal.name.quote === '"' ? textsAround(literal.name.name, isPattern) : [];
  if (literal.kind !== 'literal') return [];
  if (literal.type === 'number') return [Number(literal.value), Number(literal.value) + 1, Number(literal.value) - 1];
  return literal.type === 'string' ? textsAround(literal.value, isPattern) : [];
}

function textsAround(text: string, isPattern: boolean): string[] {
  const bare = text.replaceAll('%', '').replaceAll('_', 'x');
  return isPattern ? [bare, `${bare} b`, `a ${bare}`, `a ${bare} b`] : [text, `${text}x`];
}
