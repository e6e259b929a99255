import type { SqlValue } from '../database/database.ts';
import { resultsEqual } from './results-equal.ts';
import type { Row } from './results-equal.ts';

/**
 * Before it compares, the official evaluator sorts the cells of each row by `str(x) + str(type(x))` and demands the same rows
 * (`quick_rej` of taoyds/test-suite-sql-eval). For Python 10 = 10.0, but "10.0<class 'float'>" sorts before "100<class 'int'>" and
 * "10<class 'int'>" after it: the rows (10, 100) and (10.0, 100) are called different. JavaScript has one number type, hence these functions:
 * where the types could decide, the query is run again for its types (`withTypes`), and `rowsSortAlike` says what the official evaluator says.
 */

/** A cell and whether SQLite stores it as REAL. */
export interface TypedCell {
  readonly value: SqlValue;
  readonly real: boolean;
}

/** Whether any row would be sorted otherwise if one of its whole numbers were of the other type. */
export function typesCouldDecide(rows: readonly Row[]): boolean {
  return rows.some((row) =>
    row.some((value, column) => {
      if (typeof value !== 'number' || !Number.isInteger(value)) return false;
      const asReal = sortKey({ value, real: true });
      const asInteger = sortKey({ value, real: false });
      const [low, high] = asReal < asInteger ? [asReal, asInteger] : [asInteger, asReal];
      return row.some((other, otherColumn) => {
        if (otherColumn === column || other === value) return false;
        return [true, false].some((real) => {
          const key = sortKey({ value: other, real });
          return key > low && key < high;
        });
      });
    }),
  );
}

/** The query whose rows are those of `sql` with `typeof` behind each cell. */
export function withTypes(sql: string, width: number): string {
  const names = Array.from({ length: width }, (_, column) => `c${String(column)}`);
  const cells = names.map((name) => `${name}, typeof(${name}) = 'real'`);
  // The line break ends a comment that the query may close with.
  return `WITH tabletalk_rows(${names.join(', ')}) AS (${sql.replace(/[;\s]+$/u, '')}\n) SELECT ${cells.join(', ')} FROM tabletalk_rows`;
}

/** Rows of a query made by `withTypes`. */
export function typedRows(rows: readonly Row[]): TypedCell[][] {
  return rows.map((row) => row.flatMap((value, index) => (index % 2 === 0 ? [{ value, real: row[index + 1] === 1 }] : [])));
}

/** The official evaluator's first test: the same list (where `ordered`) or set of rows, each row's cells sorted. */
export function rowsSortAlike(
  gold: readonly (readonly TypedCell[])[],
  predicted: readonly (readonly TypedCell[])[],
  ordered: boolean,
): boolean {
  const goldRows = gold.map(sortedCells);
  const predictedRows = predicted.map(sortedCells);
  if (ordered) return goldRows.every((row, index) => sameRow(row, predictedRows[index] ?? []));
  // Both are equal as bags after a permutation of columns, so that either set inside the other makes them equal.
  return goldRows.every((row) => predictedRows.some((other) => sameRow(row, other)));
}

function sortedCells(row: readonly TypedCell[]): SqlValue[] {
  const keyed = row.map((cell) => ({ key: sortKey(cell), value: cell.value }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map((cell) => cell.value);
}

function sameRow(a: readonly SqlValue[], b: readonly SqlValue[]): boolean {
  return a.length === b.length && a.every((value, index) => resultsEqual([[value]], [[b[index] ?? null]], true));
}

/** Python's `str(x) + str(type(x))`. */
function sortKey({ value, real }: TypedCell): string {
  if (value === null) return "None<class 'NoneType'>";
  if (typeof value === 'string') return `${value.replaceAll('\ufffd', '')}<class 'str'>`;
  if (typeof value === 'bigint') return `${String(value)}<class 'int'>`;
  if (typeof value === 'number')
    return real || !Number.isInteger(value) ? `${pythonRepr(value)}<class 'float'>` : `${String(value)}<class 'int'>`;
  return `b'${[...value].map((byte) => String.fromCharCode(byte)).join('')}'<class 'bytes'>`;
}

/** Python's `repr` of a float: both languages write the shortest digits that read back, Python with an exponent from 1e16 and below 1e-4. */
function pythonRepr(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : value < 0 ? '-inf' : 'nan';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e');
    return `${digits}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
  }
  return Number.isInteger(value) ? `${String(value)}.0` : String(value);
}
