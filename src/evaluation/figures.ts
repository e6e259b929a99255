/** Figures as SVG text: no scripts, no fonts from elsewhere, readable on light and dark paper. Numbers stand beside the bars. */

export interface Series {
  readonly name: string;
  /** Shares from 0 to 1, one a category; null where there is nothing to show. */
  readonly values: readonly (number | null)[];
}

/** Okabe and Ito's palette, which people with colour blindness tell apart. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999'];
const WIDTH = 760;
const LEFT = 190;
const RIGHT = 70;
const ROW = 16;

/** Horizontal bars, a group a category, one bar a series. */
export function barChart(title: string, categories: readonly string[], series: readonly Series[]): string {
  const span = WIDTH - LEFT - RIGHT;
  const groupHeight = series.length * ROW + 14;
  const top = 60 + Math.ceil(series.length / 3) * 18;
  const parts = categories.flatMap((category, group) => {
    const y = top + group * groupHeight;
    const bars = series.flatMap((one, index) => {
      const value = one.values[group] ?? null;
      if (value === null) return [];
      const at = y + index * ROW;
      return [
        `<rect x="${String(LEFT)}" y="${String(at)}" width="${fixed(value * span)}" height="${String(ROW - 3)}" fill="${colour(index)}"/>`,
        text(LEFT + value * span + 6, at + 11, `${(100 * value).toFixed(1)}%`, 11),
      ];
    });
    return [text(LEFT - 10, y + (series.length * ROW) / 2 + 3, category, 12, 'end'), ...bars];
  });
  return page(title, top + categories.length * groupHeight, [...legend(series.map((one) => one.name)), ...parts]);
}

/** A bar a series, its shares side by side; shares too narrow for their number stand without it. */
export function stackedBars(title: string, categories: readonly string[], series: readonly Series[]): string {
  const span = WIDTH - LEFT - RIGHT;
  const top = 60 + Math.ceil(categories.length / 3) * 18;
  const parts = series.flatMap((one, row) => {
    const y = top + row * 34;
    let x = LEFT;
    const bars = one.values.flatMap((value, index) => {
      const width = (value ?? 0) * span;
      const from = x;
      x += width;
      if (width === 0) return [];
      const bar = `<rect x="${fixed(from)}" y="${String(y)}" width="${fixed(width)}" height="22" fill="${colour(index)}"/>`;
      return width < 44 ? [bar] : [bar, text(from + width / 2, y + 15, `${(100 * (value ?? 0)).toFixed(1)}%`, 11, 'middle', '#ffffff')];
    });
    return [text(LEFT - 10, y + 15, one.name, 12, 'end'), ...bars];
  });
  return page(title, top + series.length * 34, [...legend(categories), ...parts]);
}

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const PLOT_HEIGHT = 260;

/** Falling lines over a common plane that begins at 0. What lies above the values after each line's first tenth is drawn at the top. */
export function lineChart(title: string, axes: { readonly x: string; readonly y: string }, lines: readonly Line[]): string {
  const span = WIDTH - 2 * RIGHT;
  const top = 60 + Math.ceil(lines.length / 3) * 18;
  const bottom = top + PLOT_HEIGHT;
  const mostX = Math.max(1e-9, ...lines.flatMap((line) => line.points.map(([x]) => x)));
  const mostY = Math.max(1e-9, ...lines.flatMap((line) => line.points.slice(Math.floor(line.points.length / 10)).map(([, y]) => y)));
  const drawn = lines.map((line, index) => {
    const path = line.points.map(
      ([x, y]) => `${fixed(RIGHT + (x / mostX) * span)},${fixed(bottom - Math.min(1, y / mostY) * PLOT_HEIGHT)}`,
    );
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour(index)}" stroke-width="1.5"/>`;
  });
  return page(title, bottom + 30, [
    ...legend(lines.map((line) => line.name)),
    `<path d="M${String(RIGHT)} ${String(top)}V${String(bottom)}H${String(RIGHT + span)}" fill="none" stroke="#1a1a1a"/>`,
    ...drawn,
    text(RIGHT - 8, top + 10, mostY.toFixed(2), 11, 'end'),
    text(RIGHT - 8, bottom + 4, '0', 11, 'end'),
    text(RIGHT + span, bottom + 16, mostX.toFixed(0), 11, 'end'),
    text(RIGHT + span / 2, bottom + 16, axes.x, 12, 'middle'),
    text(RIGHT + 8, top + 10, axes.y, 12),
  ]);
}

function legend(names: readonly string[]): string[] {
  return names.flatMap((name, index) => {
    const x = 20 + (index % 3) * 240;
    const y = 44 + Math.floor(index / 3) * 18;
    return [`<rect x="${String(x)}" y="${String(y)}" width="11" height="11" fill="${colour(index)}"/>`, text(x + 17, y + 10, name, 12)];
  });
}

function page(title: string, bottom: number, parts: readonly string[]): string {
  const height = bottom + 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(height)}" role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif">`,
    `<rect width="${String(WIDTH)}" height="${String(height)}" fill="#ffffff"/>`,
    text(20, 26, title, 16),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string, size: number, anchor = 'start', fill = '#1a1a1a'): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${String(size)}" text-anchor="${anchor}" fill="${fill}">${escape(content)}</text>`;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#000000';
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
