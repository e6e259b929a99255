import { seededRandom } from '../src/evaluation/statistics.ts';

/** Draws a number below its argument. */
export type Pick = (below: number) => number;

const PIECES = /'(?:[^']|'')*'|"[^"]*"|\w+|\s+|./gsu;
const STRANGE = [
  ...["'", '"', '`', '[', ']', '(', ')', ';', '--', '/*', '\u0000', '\ufeff', '😀', ',', '.', '*', '%', ':', '?', '\\', '$'],
  ...[
    ' SELECT ',
    ' FROM ',
    ' WHERE ',
    ' JOIN ',
    ' ON ',
    ' USING ',
    ' GROUP BY ',
    ' HAVING ',
    ' UNION ',
    ' INTERSECT ',
    ' NOT ',
    ' IN ',
    ' AS ',
  ],
  ...[
    ' NULL ',
    ' CASE ',
    ' END ',
    ' BETWEEN ',
    ' LIKE ',
    ' OVER ',
    ' WITH ',
    ' LIMIT ',
    ' ORDER BY ',
    ' COUNT(*) ',
    ' (SELECT 1) ',
    ' t1.name ',
  ],
];

/** A query with one to four small faults: pieces left out, doubled, swapped, put in, cut off, or in another case. */
export function mutateSql(sql: string, pick: Pick): string {
  const pieces: string[] = sql.match(PIECES) ?? [];
  for (let times = 1 + pick(4); times > 0 && pieces.length > 0; times -= 1) {
    const at = pick(pieces.length);
    const other = pick(pieces.length);
    const piece = pieces[at] ?? '';
    switch (pick(8)) {
      case 0:
        pieces.splice(at, 1);
        break;
      case 1:
        pieces.splice(at, 0, piece, ' ');
        break;
      case 2:
        [pieces[at], pieces[other]] = [pieces[other] ?? '', piece];
        break;
      case 3:
        pieces.splice(at, 0, STRANGE[pick(STRANGE.length)] ?? '');
        break;
      case 4:
        pieces[at] = piece.slice(0, pick(piece.length + 1)) + piece.slice(pick(piece.length + 1));
        break;
      case 5:
        pieces[at] = pick(2) === 0 ? piece.toUpperCase() : piece.toLowerCase();
        break;
      case 6:
        pieces.splice(at, pick(6), ...pieces.slice(other, other + pick(6)));
        break;
      default:
        if (pick(5) === 0) pieces.length = at;
        else pieces[at] = `${piece}s`;
    }
  }
  return pieces.join('');
}

/** Seeded: the same numbers on every machine. */
export function pickFrom(seed: number): Pick {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}
