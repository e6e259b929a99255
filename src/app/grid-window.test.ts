import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layOutColumns } from './format-cell.ts';
import { columnsInView, moveInGrid, rowsInView } from './grid-window.ts';

describe('what of a long table is drawn', () => {
  test('every row that a viewport shows, and few more', () => {
    const rowHeight = 31;
    const inputs = fc.record({ scrolled: fc.nat(4_000_000), height: fc.integer({ min: 1, max: 2000 }), total: fc.nat(100_000) });
    fc.assert(
      fc.property(inputs, ({ scrolled, height, total }) => {
        const { first, end } = rowsInView(scrolled, height, rowHeight, total);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(total);
        expect(end - first).toBeLessThanOrEqual(Math.ceil(height / rowHeight) + 9);
        const topmost = Math.floor(scrolled / rowHeight);
        if (topmost < total) expect(topmost >= first && topmost < end).toBe(true);
      }),
    );
  });

  test('of 2,000 columns only those in view', () => {
    const columns = layOutColumns(
      Array.from({ length: 2000 }, (_, index) => `column ${String(index)}`),
      [],
    );
    const { first, end } = columnsInView(20_000, 900, columns);
    expect(end - first).toBeLessThan(20);
    expect(columns[first]?.left).toBeLessThanOrEqual(20_000);
  });
});

describe('keys in the grid', () => {
  const size = { rows: 100, columns: 3, page: 10 };
  const from = { row: 5, column: 1 };
  test.each([
    ['ArrowDown', false, { row: 6, column: 1 }],
    ['ArrowUp', false, { row: 4, column: 1 }],
    ['ArrowRight', false, { row: 5, column: 2 }],
    ['ArrowLeft', false, { row: 5, column: 0 }],
    ['PageDown', false, { row: 15, column: 1 }],
    ['PageUp', false, { row: 0, column: 1 }],
    ['Home', false, { row: 5, column: 0 }],
    ['End', false, { row: 5, column: 2 }],
    ['Home', true, { row: 0, column: 0 }],
    ['End', true, { row: 99, column: 2 }],
    ['a', false, undefined],
  ])('%s (Ctrl: %s)', (key, ctrl, expected) => {
    expect(moveInGrid(from, { key, ctrl }, size)).toEqual(expected);
  });

  test('never leads out of the table', () => {
    const keys = fc.constantFrom('ArrowDown', 'ArrowUp', 'ArrowLeft', 'ArrowRight', 'PageUp', 'PageDown', 'Home', 'End');
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, fc.boolean())), (presses) => {
        let at = { row: 0, column: 0 };
        for (const [key, ctrl] of presses) at = moveInGrid(at, { key, ctrl }, size) ?? at;
        expect(at.row >= -1 && at.row < size.rows && at.column >= 0 && at.column < size.columns).toBe(true);
      }),
    );
  });
});
