import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCell, layOutColumns, visible, wholeCell } from './format-cell.ts';

describe('a cell as text', () => {
  test('NULL, numbers, text and BLOBs are told apart', () => {
    expect(formatCell(null)).toEqual({ kind: 'null', text: 'NULL', cut: false });
    expect(formatCell(1.5).text).toBe('1.5');
    expect(formatCell(9_007_199_254_740_993n)).toEqual({ kind: 'number', text: '9007199254740993', cut: false });
    expect(formatCell('NULL').kind).toBe('text');
    expect(formatCell(Uint8Array.of(0, 255, 16)).text).toBe('BLOB 3 B · 00 ff 10');
  });

  test('long text and long BLOBs are cut, and the whole is still at hand', () => {
    const text = 'x'.repeat(5000);
    expect(formatCell(text)).toMatchObject({ cut: true });
    expect(formatCell(text).text.length).toBeLessThan(200);
    expect(wholeCell(text)).toBe(text);
    expect(formatCell(new Uint8Array(100))).toMatchObject({ kind: 'blob', cut: true });
    expect(wholeCell(Uint8Array.of(1, 171))).toBe("x'01ab'");
  });

  test('what cannot be seen is shown: control characters, and marks that turn the direction of text', () => {
    expect(visible('a\u0000b\tc\u007f')).toBe('a␀b␉c␡');
    expect(visible('user\u202Egnp.exe')).toBe('user⟨U+202E⟩gnp.exe');
    expect(visible('zero\u200Bwidth')).toBe('zero⟨U+200B⟩width');
    const unit = fc.constantFrom('a', '\n', '\t', '\u0000', '\u0085', '\u061c', '\u200e', '\u202d', '\u2066', '\ufeff', 'é', '👩');
    fc.assert(fc.property(fc.string({ unit }), (text) => !/[\p{Cc}\p{Bidi_Control}]/u.test(visible(text))));
  });

  test('text of letters, emoji and signs stays as it is', () => {
    for (const text of ['Ångström', '東京', '👩‍💻', '<b>not bold</b>']) expect(visible(text)).toBe(text);
  });
});

describe('columns', () => {
  test('a column of numbers, NULLs aside, is aligned right; a mixed one is not', () => {
    const layout = layOutColumns(['n', 'mixed', 'empty'], [[1, 1, null], [null, 'x', null]]); // prettier-ignore
    expect(layout.map((column) => column.numeric)).toEqual([true, false, false]);
  });

  test('columns lie side by side without gaps', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (names) => {
        const layout = layOutColumns(names, []);
        let left = 0;
        for (const column of layout) {
          expect(column.left).toBe(left);
          left += column.width;
        }
      }),
    );
  });
});
