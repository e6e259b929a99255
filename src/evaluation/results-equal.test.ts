import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SqlValue } from '../database/database.ts';
import { rowsSortAlike, typesCouldDecide } from './integer-or-real.ts';
import { resultsEqual } from './results-equal.ts';

const cell: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom('a', 'b', '', '1'),
  fc.double({ noNaN: true, min: 0, max: 1 }),
);
/** Small, of few values, so that rows and columns repeat. */
const table = fc
  .integer({ min: 1, max: 5 })
  .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }));

describe('two results', () => {
  it('are equal when one is the other with its columns permuted, in order or not', () => {
    const keys = fc.array(fc.nat(), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(table, fc.boolean(), keys, (rows, ordered, by) => {
        const order = (rows[0] ?? []).map((_, column) => column).sort((a, b) => (by[a] ?? 0) - (by[b] ?? 0));
        const permuted = rows.map((row) => order.map((column) => row[column] ?? null));
        expect(resultsEqual(rows, permuted, ordered)).toBe(true);
      }),
    );
  });

  it('are equal as bags when the rows are shuffled', () => {
    fc.assert(
      fc.property(
        table.chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }))),
        ([rows, shuffled]) => {
          expect(resultsEqual(rows, shuffled, false)).toBe(true);
        },
      ),
    );
  });

  it('differ when a row is added, taken away, or one cell is changed to something new', () => {
    fc.assert(
      fc.property(table, fc.boolean(), fc.nat(), (rows, ordered, place) => {
        const first = rows[0] ?? [];
        expect(resultsEqual(rows, [...rows, first], ordered)).toBe(false);
        expect(resultsEqual(rows, rows.slice(1), ordered)).toBe(false);
        const at = place % rows.length;
        const changed = rows.map((row, index) => (index === at ? ['something new', ...row.slice(1)] : row));
        expect(resultsEqual(rows, changed, ordered)).toBe(false);
      }),
    );
  });

  it('agree with a search through all permutations', () => {
    fc.assert(
      fc.property(table, cell, fc.boolean(), (rows, replacement, ordered) => {
        // A neighbour: the same cells, some columns exchanged within some rows only.
        const other = rows.map((row, index) =>
          index % 2 === 0 ? [...row].reverse() : row.map((value) => (value === 3 ? replacement : value)),
        );
        expect(resultsEqual(rows, other, ordered)).toBe(bySearch(rows, other, ordered));
      }),
      { numRuns: 300 },
    );
  });

  it('compare cells as Python does', () => {
    const same = (a: SqlValue, b: SqlValue): boolean => resultsEqual([[a]], [[b]], false);
    expect(same(1, 1n)).toBe(true);
    expect(same(9007199254740992, 9007199254740993n)).toBe(false);
    expect(same(9007199254740992, 9007199254740992n)).toBe(true);
    expect(same('1', 1)).toBe(false);
    expect(same(null, '')).toBe(false);
    expect(same(null, null)).toBe(true);
    expect(same(0.1 + 0.2, 0.3)).toBe(false);
    expect(same(new Uint8Array([97]), 'a')).toBe(false);
    expect(same(new Uint8Array([97]), new Uint8Array([97]))).toBe(true);
    expect(same('caf\ufffd', 'caf')).toBe(true);
  });

  it('are equal when both are empty, whatever their columns', () => {
    expect(resultsEqual([], [], true)).toBe(true);
    expect(resultsEqual([], [[1]], false)).toBe(false);
  });

  it('are told apart by how often a row comes', () => {
    expect(resultsEqual([[1], [1], [2]], [[1], [2], [2]], false)).toBe(false);
  });

  it('come to an end on many equal columns', () => {
    const row = Array.from({ length: 14 }, (_, column) => column % 2);
    expect(resultsEqual([row, row], [row, [...row].reverse()], false)).toBe(false);
  });
});

function bySearch(gold: readonly SqlValue[][], predicted: readonly SqlValue[][], ordered: boolean): boolean {
  const width = gold[0]?.length ?? 0;
  const text = (rows: readonly (readonly SqlValue[])[]): string => {
    const lines = rows.map((row) => JSON.stringify(row.map((value) => (Object.is(value, -0) ? 0 : value))));
    return (ordered ? lines : lines.sort()).join('\n');
  };
  return permutations(width).some((order) => text(gold) === text(predicted.map((row) => order.map((column) => row[column] ?? null))));
}

/** Every order of the columns. */
function permutations(width: number): number[][] {
  if (width === 0) return [[]];
  return permutations(width - 1).flatMap((order) =>
    Array.from({ length: width }, (_, at) => [...order.slice(0, at), width - 1, ...order.slice(at)]),
  );
}

describe('INTEGER and REAL', () => {
  const integer = (value: SqlValue): { value: SqlValue; real: boolean } => ({ value, real: false });
  const real = (value: SqlValue): { value: SqlValue; real: boolean } => ({ value, real: true });

  it('can decide only where a row sorts otherwise', () => {
    expect(typesCouldDecide([[10, 100]])).toBe(true);
    expect(typesCouldDecide([[10, 20]])).toBe(false);
    expect(typesCouldDecide([[10, 'name']])).toBe(false);
    expect(typesCouldDecide([[10]])).toBe(false);
  });

  it('make the rows (10, 100) and (10.0, 100) different, as in the official evaluator, but not (10, 20) and (10.0, 20)', () => {
    expect(rowsSortAlike([[integer(10), integer(100)]], [[real(10), integer(100)]], false)).toBe(false);
    expect(rowsSortAlike([[integer(10), integer(20)]], [[real(10), integer(20)]], true)).toBe(true);
    expect(rowsSortAlike([[real(10), integer(100)]], [[integer(100), real(10)]], true)).toBe(true);
  });
});
