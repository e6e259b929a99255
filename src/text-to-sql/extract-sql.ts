/**
 * The SQL in a model's answer: what stands in the first code fence if there is one, else from the first SELECT or WITH on, up to the
 * first semicolon outside quotes. Returns '' where there is none.
 */
export function extractSql(answer: string): string {
  const fenced = /```(?:sql|sqlite)?\s*\n?([\s\S]*?)(?:```|$)/i.exec(answer)?.[1];
  const text = fenced ?? answer;
  const start = /\b(?:select|with|values)\b/i.exec(text);
  if (!start) return '';
  return firstStatement(text.slice(start.index)).trim();
}

function firstStatement(text: string): string {
  const pieces = /'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`[^`]*`?|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|;|<\|im_end\|>/g;
  for (const piece of text.matchAll(pieces)) {
    if (piece[0] === ';' || piece[0] === '<|im_end|>') return text.slice(0, piece.index);
  }
  return text;
}
