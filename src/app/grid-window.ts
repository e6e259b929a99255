import type { ColumnLayout } from './format-cell.ts';

/** What of a long list is drawn: from `first` up to, not including, `end`. */
export interface Span {
  readonly first: number;
  readonly end: number;
}

/**
 * The rows that a viewport shows, and some on either side so that a fast scroll does not show an empty table.
 * @param scrolled pixels above the viewport
 */
export function rowsInView(scrolled: number, height: number, rowHeight: number, total: number, overscan = 4): Span {
  const first = Math.max(0, Math.min(total, Math.floor(scrolled / rowHeight)) - overscan);
  const end = Math.min(total, Math.ceil((scrolled + height) / rowHeight) + overscan);
  return { first, end: Math.max(first, end) };
}

/** The columns that a viewport shows; a table of 2,000 columns is drawn like one of ten. */
export function columnsInView(scrolled: number, width: number, columns: readonly ColumnLayout[], overscan = 2): Span {
  const isInView = (column: ColumnLayout): boolean => column.left + column.width > scrolled && column.left < scrolled + width;
  const first = columns.findIndex(isInView);
  if (first < 0) return { first: 0, end: Math.min(columns.length, overscan) };
  const last = columns.findLastIndex(isInView);
  return { first: Math.max(0, first - overscan), end: Math.min(columns.length, last + 1 + overscan) };
}

export interface Position {
  readonly row: number;
  readonly column: number;
}

/** Where a key leads from a cell (ARIA practices, grid); undefined for keys that do not move. Row -1 is the header. */
export function moveInGrid(
  from: Position,
  key: { readonly key: string; readonly ctrl: boolean },
  size: { readonly rows: number; readonly columns: number; readonly page: number },
): Position | undefined {
  const row = (wanted: number): number => Math.max(-1, Math.min(size.rows - 1, wanted));
  const column = (wanted: number): number => Math.max(0, Math.min(size.columns - 1, wanted));
  switch (key.key) {
    case 'ArrowDown':
      return { ...from, row: row(from.row + 1) };
    case 'ArrowUp':
      return { ...from, row: row(from.row - 1) };
    case 'ArrowRight':
      return { ...from, column: column(from.column + 1) };
    case 'ArrowLeft':
      return { ...from, column: column(from.column - 1) };
    case 'PageDown':
      return { ...from, row: row(from.row + size.page) };
    case 'PageUp':
      return { ...from, row: row(Math.max(0, from.row - size.page)) };
    case 'Home':
      return { row: key.ctrl ? row(0) : from.row, column: 0 };
    case 'End':
      return { row: key.ctrl ? row(size.rows - 1) : from.row, column: column(size.columns - 1) };
    default:
      return undefined;
  }
}
