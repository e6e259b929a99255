import type { Binary, ColumnReference, Expression, In, Like, Literal } from '../../sql/ast.ts';
import type { Scope, Source } from '../../sql/scopes.ts';
import type { SqlTree } from '../../sql/tree.ts';
import type { Question } from '../question.ts';
import type { FoldedValues } from '../facts.ts';
import { fold, similarity, stem } from '../words.ts';

export interface Text {
  readonly node: Literal | ColumnReference;
  readonly value: string;
}

/** A comparison of one base table's column with one or more texts. */
export interface LiteralTest {
  readonly scope: Scope;
  readonly node: Binary | In | Like;
  readonly column: ColumnReference;
  readonly source: Source;
  readonly table: string;
  /** Lower-case. */
  readonly name: string;
  readonly texts: readonly Text[];
}

/** `column = 'x'`, `!=`, `IN ('x', …)` and `LIKE 'x'`, in either order, text in double quotes that names nothing included. */
export function literalTests(tree: SqlTree): LiteralTest[] {
  return tree.scopes.flatMap((scope) => [...scope.own()].flatMap((node) => testOf(scope, node) ?? []));
}

/** `!=`, NOT IN, NOT LIKE. */
export function isNegated(test: LiteralTest): boolean {
  return test.node.kind === 'binary' ? test.node.operator === '!=' : test.node.not !== null;
}

function testOf(scope: Scope, node: ReturnType<Scope['own']> extends Generator<infer Item> ? Item : never): LiteralTest | null {
  if (node.kind === 'in') return node.items === null ? null : build(scope, node, node.operand, node.items);
  if (node.kind === 'like') return node.operator === 'LIKE' && node.escape === null ? build(scope, node, node.left, [node.right]) : null;
  if (node.kind !== 'binary' || (node.operator !== '=' && node.operator !== '!=')) return null;
  return build(scope, node, node.left, [node.right]) ?? build(scope, node, node.right, [node.left]);
}

function build(scope: Scope, node: LiteralTest['node'], column: Expression, values: readonly Expression[]): LiteralTest | null {
  if (column.kind !== 'column') return null;
  const texts = values.flatMap((value) => textOf(scope, value) ?? []);
  if (texts.length === 0 || texts.length !== values.length) return null;
  const { status, source } = scope.resolve(column);
  const name = column.name.name.toLowerCase();
  if ((status !== 'ok' && status !== 'outer') || typeof source?.table !== 'string' || source.columns?.has(name) !== true) return null;
  return { scope, node, column, source, table: source.table, name, texts };
}

function textOf(scope: Scope, value: Expression): Text | null {
  if (value.kind === 'literal' && value.type === 'string') return { node: value, value: value.value };
  if (value.kind === 'column' && value.table === null && scope.resolve(value).status === 'string')
    return { node: value, value: value.name.name };
  return null;
}

/** Shorter texts are too often a part of something else. */
const MIN_LENGTH = 4;
const MIN_SIMILARITY = 0.8;

/** The stored text that a text must have meant: the same folded, up to a plural or a typing error, or quoted whole in the question. */
export function storedVariant(values: FoldedValues, value: string, question: Question): string | null {
  const folded = fold(value);
  const same = values.get(folded)?.[0];
  if (same !== undefined) {
    // Only outer blanks differ: the person cannot see them, and rows stored with and without them would part. Left alone.
    const trimmed = same.trim();
    return trimmed === same || fold(trimmed) !== trimmed.toLowerCase() ? same : null;
  }
  if (folded.length < 3) return null;
  const plural = onlyOne(values, (key) => stem(key) === stem(folded));
  if (plural !== null) return plural;
  if (folded.length < MIN_LENGTH) return null;
  if (!/\d/.test(folded)) {
    const first = folded.charAt(0);
    const near = onlyOne(
      values,
      (key) => key.startsWith(first) && Math.abs(key.length - folded.length) <= 2 && similarity(key, folded) >= MIN_SIMILARITY,
    );
    if (near !== null) return near;
  }
  const inside: string[] = [];
  for (const key of values.keys()) {
    if ((key.includes(folded) || (key.length >= MIN_LENGTH && folded.includes(key))) && question.folded.includes(key)) inside.push(key);
  }
  const longest = inside.filter((key) => !inside.some((other) => other !== key && other.includes(key)));
  const only = longest.length === 1 ? longest[0] : undefined;
  const stored = only === undefined ? undefined : values.get(only)?.[0];
  // As above: what the question says is the cell without its outer blanks.
  return stored?.trim() === stored ? (stored ?? null) : null;
}

function onlyOne(values: FoldedValues, fits: (key: string) => boolean): string | null {
  let found: string | null = null;
  for (const [key, stored] of values) {
    if (!fits(key)) continue;
    if (found !== null) return null;
    found = stored[0] ?? null;
  }
  return found;
}
