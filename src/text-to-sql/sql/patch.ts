import type { Span } from './ast.ts';

/** A stretch of the source and what to put there; `start === end` inserts. */
export interface Edit extends Span {
  readonly text: string;
}

/**
 * The source with the edits made, everything else left exactly as the person or the model wrote it. Edits must not overlap; an edit that
 * lies inside or across an earlier one (in order of start, longer first) is left out.
 */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  const ordered = [...edits].sort((a, b) => a.start - b.start || b.end - a.end);
  let out = '';
  let at = 0;
  for (const edit of ordered) {
    if (edit.start < at) continue;
    out += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + source.slice(at);
}

export function replaceSpan(span: Span, text: string): Edit {
  return { start: span.start, end: span.end, text };
}

export function insertAt(at: number, text: string): Edit {
  return { start: at, end: at, text };
}
