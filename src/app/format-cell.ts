import type { SqlValue } from '../database/database.ts';

export interface CellText {
  readonly kind: 'null' | 'number' | 'text' | 'blob';
  /** One line for the table, cut where it is long. */
  readonly text: string;
  /** True where `text` does not show all there is. */
  readonly cut: boolean;
}

/** More than a column can show; the whole is a key press away. */
const longest = 160;

/**
 * Control characters as their pictures (U+2400 block), and the marks that turn the direction of text or have no width as their
 * code: a cell must not be able to look like something else.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u200b\u2060\ufeff]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** A cell as one line of text. */
export function formatCell(value: SqlValue): CellText {
  if (value === null) return { kind: 'null', text: 'NULL', cut: false };
  if (typeof value === 'number' || typeof value === 'bigint') return { kind: 'number', text: String(value), cut: false };
  if (typeof value === 'string') {
    const cut = value.length > longest;
    return { kind: 'text', text: visible(cut ? `${value.slice(0, longest)}…` : value), cut };
  }
  const shown = 16;
  const hex = [...value.subarray(0, shown)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const cut = value.length > shown;
  return { kind: 'blob', text: `BLOB ${value.length.toLocaleString('en')} B · ${hex}${cut ? ' …' : ''}`, cut };
}

/** The whole of a cell, line breaks kept, for reading and copying; BLOBs as SQL writes them, 4 kB at most. */
export function wholeCell(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (!(value instanceof Uint8Array)) return String(value);
  const most = 4096;
  const hex = [...value.subarray(0, most)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return value.length > most ? `x'${hex}…' (${value.length.toLocaleString('en')} bytes)` : `x'${hex}'`;
}

export interface ColumnLayout {
  readonly name: string;
  /** Pixels. */
  readonly width: number;
  /** Pixels from the left edge. */
  readonly left: number;
  readonly numeric: boolean;
}

/** Rows looked at to lay a column out: enough to be right about most, cheap at 100,000. */
const sampled = 200;

/** Widths by the longest of the first cells, and right alignment for columns of numbers. */
export function layOutColumns(columns: readonly string[], rows: readonly (readonly SqlValue[])[]): ColumnLayout[] {
  const padding = 28;
  let left = 0;
  return columns.map((name, index) => {
    // Names are set in bold.
    let characters = Math.min(name.length * 1.15, 30);
    let numeric = false;
    let other = false;
    for (const row of rows.slice(0, sampled)) {
      const cell = formatCell(row[index] ?? null);
      characters = Math.max(characters, Math.min(cell.text.length, 44));
      if (cell.kind === 'number') numeric = true;
      else if (cell.kind !== 'null') other = true;
    }
    // A number that is cut reads as another number: digits of any system font have room.
    const characterWidth = numeric && !other ? 9.2 : 8.2;
    const width = Math.round(Math.max(64, characters * characterWidth + padding));
    const layout = { name, width, left, numeric: numeric && !other };
    left += width;
    return layout;
  });
}
