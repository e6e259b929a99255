/** FNV-1a, 32 bits, over code points: the same on every machine, against mistakes, not against malice. `from` goes on from an earlier text's hash. */
export function fnv1a(text: string, from = 0x811c9dc5): number {
  let hash = from;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
