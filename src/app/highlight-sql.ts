export interface SqlPiece {
  readonly kind: 'keyword' | 'string' | 'number' | 'comment' | 'plain';
  readonly text: string;
}

const keywords = new Set(
  (
    'SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET JOIN LEFT RIGHT FULL INNER OUTER CROSS NATURAL ON USING AS AND OR NOT IN IS NULL ' +
    'LIKE GLOB BETWEEN EXISTS CASE WHEN THEN ELSE END DISTINCT ALL UNION INTERSECT EXCEPT WITH RECURSIVE VALUES ASC DESC OVER PARTITION ' +
    'WINDOW FILTER CAST COLLATE NULLS FIRST LAST COUNT SUM AVG MIN MAX'
  ).split(' '),
);

const piece = /(?<comment>--[^\n]*|\/\*[^]*?(?:\*\/|$))|(?<string>'(?:[^']|'')*(?:'|$))|(?<number>\b\d[\w.]*)|(?<word>[A-Za-z_]\w*)/gy;

/** SQL in coloured pieces. Forgiving, because it is shown while it is written: an open quote runs to the end. */
export function highlightSql(sql: string): SqlPiece[] {
  const pieces: SqlPiece[] = [];
  const add = (kind: SqlPiece['kind'], text: string): void => {
    const last = pieces.at(-1);
    if (last?.kind === kind) pieces[pieces.length - 1] = { kind, text: last.text + text };
    else pieces.push({ kind, text });
  };
  let at = 0;
  while (at < sql.length) {
    piece.lastIndex = at;
    const match = piece.exec(sql);
    if (!match) {
      add('plain', sql.charAt(at));
      at += 1;
      continue;
    }
    const [text] = match;
    const groups = match.groups ?? {};
    if (groups.comment !== undefined) add('comment', text);
    else if (groups.string !== undefined) add('string', text);
    else if (groups.number !== undefined) add('number', text);
    else add(keywords.has(text.toUpperCase()) ? 'keyword' : 'plain', text);
    at += text.length;
  }
  return pieces;
}
