import type { Schema } from '../database/database.ts';
import { foldName, quoteString, sqlName } from './sql-name.ts';

/**
 * One style for training targets, so that a small student has one way to write a query: keywords in capitals, names and functions in
 * lower case, no aliases for tables that stand once in their block, columns qualified exactly where a block has several tables,
 * strings in single quotes, INNER and ASC left out. Join order and everything else that carries meaning stays.
 *
 * Works on tokens and scopes, not on meaning: the caller runs both queries and keeps the original where their rows differ.
 * Returns undefined where the query is not one that it understands.
 */
export function canonicalSql(sql: string, schema: Schema): string | undefined {
  const names = schemaNames(schema);
  const tokens = tokenize(sql, names);
  if (!tokens) return undefined;
  const blocks = findBlocks(tokens);
  if (!blocks) return undefined;
  for (const block of blocks) readFrom(block, tokens, names);
  return print(orientJoins(rewrite(tokens, blocks, names), names));
}

type Kind = 'name' | 'keyword' | 'text' | 'number' | 'symbol';

interface Token {
  readonly kind: Kind;
  /** Names folded, keywords in capitals, texts as literals. */
  readonly text: string;
}

interface SchemaNames {
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>;
  readonly columns: ReadonlySet<string>;
  /** Declared joins as `child.column=parent.column`. */
  readonly joins: ReadonlySet<string>;
}

/** A SELECT with its clauses, without the blocks inside it. */
interface Block {
  readonly start: number;
  end: number;
  readonly parent: Block | undefined;
  /** How an alias or table name in this block reads as a table; `keep` where the alias must stay. */
  readonly sources: Map<string, { readonly table: string; keep: boolean }>;
  /** Token indices of alias declarations (AS and alias) that go away. */
  readonly aliasTokens: Map<string, number[]>;
  derived: boolean;
}

const keywords = new Set(
  (
    'SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET DISTINCT ALL AS JOIN INNER LEFT RIGHT FULL OUTER CROSS NATURAL ON USING AND OR NOT IN ' +
    'LIKE GLOB ESCAPE BETWEEN IS NULL EXISTS UNION INTERSECT EXCEPT ASC DESC CASE WHEN THEN ELSE END CAST COLLATE WITH RECURSIVE VALUES'
  ).split(' '),
);
const setOperators = new Set(['UNION', 'INTERSECT', 'EXCEPT']);
const afterFrom = new Set(['WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'UNION', 'INTERSECT', 'EXCEPT']);

function schemaNames(schema: Schema): SchemaNames {
  const tables = new Map<string, Set<string>>();
  const columns = new Set<string>();
  for (const table of schema.tables) {
    const own = new Set(table.columns.map((column) => foldName(column.name)));
    tables.set(foldName(table.name), own);
    for (const column of own) columns.add(column);
  }
  const joins = schema.tables.flatMap((table) =>
    table.foreignKeys.flatMap((key) =>
      key.columns.map(
        (column, at) => `${foldName(table.name)}.${foldName(column)}=${foldName(key.table)}.${foldName(key.references[at] ?? '')}`,
      ),
    ),
  );
  return { tables, columns, joins: new Set(joins) };
}

function tokenize(sql: string, names: SchemaNames): Token[] | undefined {
  const pattern =
    /\s+|('(?:[^']|'')*')|("(?:[^"]|"")*")|(`[^`]*`|\[[^\]]*\])|(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(<>|!=|>=|<=|==|\|\||[-+*/%=<>(),.;])/gy;
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(sql);
    if (!match) return undefined;
    at = pattern.lastIndex;
    const [, single, double, quoted, number, word, symbol] = match;
    if (single !== undefined) tokens.push({ kind: 'text', text: single });
    else if (double !== undefined) tokens.push(doubleQuoted(double.slice(1, -1).replaceAll('""', '"'), names, tokens.at(-1)));
    else if (quoted !== undefined) tokens.push({ kind: 'name', text: foldName(quoted.slice(1, -1)) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (word !== undefined) {
      const upper = word.toUpperCase();
      // `end` and the like are keywords only where no column has that name (Spider has columns named `end`).
      const isKeyword = keywords.has(upper) && tokens.at(-1)?.text !== '.' && !(upper === 'END' && names.columns.has('end'));
      tokens.push(isKeyword ? { kind: 'keyword', text: upper } : { kind: 'name', text: foldName(word) });
    } else if (symbol !== undefined && symbol !== ';') {
      tokens.push({ kind: 'symbol', text: symbol === '<>' ? '!=' : symbol === '==' ? '=' : symbol });
    } else if (symbol === ';' && sql.slice(at).trim() !== '') return undefined;
  }
  return tokens;
}

/** SQLite reads "x" as a name where there is one and as a text where there is none. */
function doubleQuoted(content: string, names: SchemaNames, before: Token | undefined): Token {
  const folded = foldName(content);
  const isName = before?.text === '.' || names.columns.has(folded) || names.tables.has(folded);
  return isName ? { kind: 'name', text: folded } : { kind: 'text', text: quoteString(content) };
}

function findBlocks(tokens: readonly Token[]): Block[] | undefined {
  const blocks: Block[] = [];
  const open: (Block | undefined)[] = [undefined];
  for (const [index, token] of tokens.entries()) {
    if (token.text === '(' && token.kind === 'symbol') open.push(undefined);
    else if (token.text === ')' && token.kind === 'symbol') {
      const block = open.pop();
      if (block) block.end = index;
      if (open.length === 0) return undefined;
    } else if (token.kind === 'keyword' && setOperators.has(token.text)) {
      const block = open.at(-1);
      if (block) block.end = index;
    } else if (token.kind === 'keyword' && token.text === 'SELECT') {
      const parent = open.slice(0, -1).findLast((one) => one !== undefined);
      const block: Block = { start: index, end: tokens.length, parent, sources: new Map(), aliasTokens: new Map(), derived: false };
      open[open.length - 1] = block;
      blocks.push(block);
    } else if (token.kind === 'keyword' && token.text === 'WITH') return undefined;
  }
  return open.length === 1 ? blocks : undefined;
}

function readFrom(block: Block, tokens: readonly Token[], names: SchemaNames): void {
  let depth = 0;
  let inFrom = false;
  let expectsTable = false;
  for (let at = block.start; at < block.end; at++) {
    const token = tokens[at];
    if (!token) break;
    if (token.kind === 'symbol' && token.text === '(') {
      if (depth === 0 && inFrom && expectsTable) {
        block.derived = true;
        expectsTable = false;
      }
      depth++;
    } else if (token.kind === 'symbol' && token.text === ')') depth--;
    if (depth !== 0) continue;
    if (token.kind === 'keyword') {
      if (token.text === 'FROM') [inFrom, expectsTable] = [true, true];
      else if (token.text === 'JOIN') expectsTable = inFrom;
      else if (afterFrom.has(token.text)) inFrom = false;
    } else if (token.text === ',' && inFrom) expectsTable = true;
    else if (token.kind === 'name' && inFrom && expectsTable) {
      expectsTable = false;
      readSource(block, tokens, at, names);
    }
  }
}

function readSource(block: Block, tokens: readonly Token[], at: number, names: SchemaNames): void {
  const table = tokens[at]?.text ?? '';
  const hasAs = tokens[at + 1]?.text === 'AS' && tokens[at + 1]?.kind === 'keyword';
  const aliasAt = hasAs ? at + 2 : at + 1;
  const alias = tokens[aliasAt]?.kind === 'name' ? tokens[aliasAt].text : undefined;
  const twin = [...block.sources.values()].filter((source) => source.table === table);
  const keep = twin.length > 0 || !names.tables.has(table);
  for (const source of twin) source.keep = true;
  block.sources.set(alias ?? table, { table, keep });
  if (alias !== undefined) block.aliasTokens.set(alias, hasAs ? [at + 1, aliasAt] : [aliasAt]);
}

function rewrite(tokens: readonly Token[], blocks: readonly Block[], names: SchemaNames): Token[] {
  const blockOf = (index: number): Block | undefined =>
    blocks.findLast((block) => block.start <= index && index < block.end && inside(block, index, blocks));
  const dropped = new Set<number>();
  for (const block of blocks) {
    for (const [alias, source] of block.sources) if (!source.keep) for (const at of block.aliasTokens.get(alias) ?? []) dropped.add(at);
  }
  const outputNames = new Set<string>();
  for (const [at, token] of tokens.entries())
    if (token.text === 'AS' && token.kind === 'keyword') outputNames.add(tokens[at + 1]?.text ?? '');
  const out: Token[] = [];
  for (const [at, token] of tokens.entries()) {
    if (dropped.has(at)) continue;
    if (token.kind === 'keyword' && (token.text === 'INNER' || token.text === 'ASC')) continue;
    if (token.kind !== 'name') {
      out.push(token);
      continue;
    }
    const block = blockOf(at);
    const next = tokens[at + 1]?.text;
    const afterDot = tokens[at - 1]?.text === '.' && tokens[at - 1]?.kind === 'symbol';
    if (next === '.' && block) {
      const home = resolve(token.text, block);
      if (home && !home.source.keep) {
        // A block of one table needs no qualification, except where the reference leaves its own block.
        if (home.block === block && isSingle(block)) dropped.add(at + 1);
        else out.push({ kind: 'name', text: home.source.table });
        continue;
      }
    } else if (!afterDot && block && next !== '(' && !isSingle(block) && !block.derived && !outputNames.has(token.text)) {
      const owner = ownerOf(token.text, block, names);
      if (owner !== undefined) out.push({ kind: 'name', text: owner }, { kind: 'symbol', text: '.' });
    }
    out.push(token);
  }
  return out;
}

/** True where no smaller block holds the token. Blocks nest by their token ranges. */
function inside(block: Block, index: number, blocks: readonly Block[]): boolean {
  return !blocks.some(
    (other) => other !== block && other.start > block.start && other.end <= block.end && other.start <= index && index < other.end,
  );
}

function isSingle(block: Block): boolean {
  return block.sources.size === 1 && !block.derived;
}

function resolve(name: string, block: Block) {
  for (let scope: Block | undefined = block; scope; scope = scope.parent) {
    const source = scope.sources.get(name) ?? [...scope.sources.values()].find((one) => one.table === name);
    if (source) return { block: scope, source };
  }
  return undefined;
}

/** The one table of the block that has this column, as it is called there. */
function ownerOf(column: string, block: Block, names: SchemaNames): string | undefined {
  if ([...block.sources.values()].some((source) => source.table === column)) return undefined;
  const owners = [...block.sources.entries()].filter(([, source]) => names.tables.get(source.table)?.has(column));
  const owner = owners[0];
  if (!owner || owners.length > 1) return undefined;
  return owner[1].keep ? owner[0] : owner[1].table;
}

/** Turns `ON parent.key = child.key` round, so that every join reads the same: the child's column first, as the prompt marks it. */
function orientJoins(tokens: readonly Token[], names: SchemaNames): Token[] {
  const out = [...tokens];
  for (let at = 0; at + 7 < out.length; at++) {
    const [before, ...condition] = out.slice(at, at + 8);
    if (before?.text !== 'ON' && before?.text !== 'AND') continue;
    const text = condition.map((token) => token.text);
    if (text[1] !== '.' || text[3] !== '=' || text[5] !== '.') continue;
    const [left, right] = [`${text[0] ?? ''}.${text[2] ?? ''}`, `${text[4] ?? ''}.${text[6] ?? ''}`];
    if (names.joins.has(`${right}=${left}`) && !names.joins.has(`${left}=${right}`)) {
      out.splice(at + 1, 7, ...condition.slice(4, 7), ...condition.slice(3, 4), ...condition.slice(0, 3));
    }
  }
  return out;
}

function print(tokens: readonly Token[]): string {
  let out = '';
  for (const [at, token] of tokens.entries()) {
    const before = tokens[at - 1];
    const text = token.kind === 'name' ? sqlName(token.text) : token.text;
    const glued =
      !before ||
      before.text === '(' ||
      before.text === '.' ||
      token.text === ')' ||
      token.text === ',' ||
      token.text === '.' ||
      (token.text === '(' && before.kind === 'name') ||
      isSign(tokens, at - 1);
    out += glued ? text : ` ${text}`;
  }
  return out;
}

/** A minus that belongs to the number behind it. */
function isSign(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at];
  if (token?.text !== '-' || token.kind !== 'symbol') return false;
  const before = tokens[at - 1];
  return !before || (before.kind === 'symbol' && before.text !== ')') || before.kind === 'keyword';
}
