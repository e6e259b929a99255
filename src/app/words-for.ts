const counting = new Intl.NumberFormat('en');

/** `1 row`, `3,200 rows`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${counting.format(number)} ${number === 1 ? singular : plural}`;
}

/** Decimal units, as browsers and shops count: `512 bytes`, `85 MB`. */
export function bytes(number: number): string {
  if (number < 1000) return count(number, 'byte');
  if (number < 1e6) return `${counting.format(Math.round(number / 1000))} kB`;
  if (number < 1e9) return `${counting.format(number < 1e7 ? Math.round(number / 1e5) / 10 : Math.round(number / 1e6))} MB`;
  return `${counting.format(Math.round(number / 1e8) / 10)} GB`;
}

/** How long something took: `12 ms`, `3.4 s`. */
export function milliseconds(number: number): string {
  return number < 1000 ? `${Math.round(number)} ms` : `${counting.format(Math.round(number / 100) / 10)} s`;
}

/** How long something will take, roughly: `about 20 s`, `about 3 min`. */
export function about(seconds: number): string {
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s`;
  return `about ${Math.round(seconds / 60)} min`;
}
