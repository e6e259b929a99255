import { failure, success, type Result } from '../result.ts';
import type { DatabaseError } from './database.ts';
import { databaseError } from './errors.ts';

/**
 * The first lock: exactly one SELECT, WITH or VALUES statement goes on to SQLite, everything else is refused by name.
 *
 * It has to come before `sqlite3_prepare`, because preparing alone already runs a PRAGMA, behind EXPLAIN, `;`, comments and a
 * byte order mark too (RELIABILITY.md, finding 2). So tokens are read here exactly as SQLite's tokenize.c reads them; where a
 * text could be read in two ways (a NUL byte, which ends the text for SQLite but not for JavaScript) it is refused.
 *
 * @returns the statement without what stands before and after it: comments, spaces, `;`
 */
export function acceptStatement(sql: string): Result<string, DatabaseError> {
  if (sql.length > STATEMENT_LIMIT) {
    return failure(databaseError('not-one-statement', undefined, { message: `The query is longer than ${STATEMENT_LIMIT} characters.` }));
  }
  if (sql.includes('\0')) {
    return failure(databaseError('not-one-statement', undefined, { message: 'The query contains a NUL character.' }));
  }
  let start = -1;
  let end = -1;
  let ended = false;
  let first: Token | undefined;
  let depth = 0;
  let main: string | undefined;
  let previous: string | undefined;
  let position = 0;
  while (position < sql.length) {
    const token = readToken(sql, position);
    position = token.end;
    if (token.kind === 'space' || token.kind === 'comment') continue;
    if (token.kind === 'semicolon') {
      if (first) ended = true;
      continue;
    }
    if (token.kind === 'illegal') {
      return failure(
        databaseError('not-one-statement', undefined, {
          message: `The query contains something SQLite cannot read: ${shown(sql.slice(token.start, token.end))}.`,
        }),
      );
    }
    if (ended) {
      return failure(
        databaseError('not-one-statement', undefined, {
          message: `There is more than one statement: another one begins with ${shown(sql.slice(token.start, token.end))}.`,
        }),
      );
    }
    if (!first) {
      first = token;
      start = token.start;
    }
    end = token.end;
    const text = sql.slice(token.start, token.end);
    if (text === '(') depth++;
    else if (text === ')') depth--;
    // Behind WITH's parentheses comes AS or the verb that says what is done with them.
    else if (depth === 0 && main === undefined && previous === ')' && token.kind === 'word' && text.toUpperCase() !== 'AS')
      main = text.toUpperCase();
    previous = text;
    const pragma = pragmaFunction(token, text);
    if (pragma !== undefined) {
      return failure(databaseError('not-read-only', undefined, { message: `${pragma} is not allowed: it can change settings.` }));
    }
  }
  if (!first) {
    return failure(
      databaseError('not-one-statement', undefined, {
        message: 'There is no query here.',
        nextStep: 'Write a query that begins with SELECT or WITH.',
      }),
    );
  }
  const verb = sql.slice(first.start, first.end);
  if (first.kind !== 'word' || !READING_VERBS.has(verb.toUpperCase())) {
    if (first.kind === 'word' && OTHER_VERBS.has(verb.toUpperCase())) {
      return failure(databaseError('not-read-only', undefined, { message: `${verb.toUpperCase()} is not allowed: only reading is.` }));
    }
    return failure(databaseError('not-one-statement', undefined, { message: `A query cannot begin with ${shown(verb)}.` }));
  }
  // WITH may introduce a write: WITH x AS (…) INSERT INTO …. Inside the parentheses SQLite's grammar allows only SELECT.
  if (verb.toUpperCase() === 'WITH' && main !== undefined && OTHER_VERBS.has(main)) {
    return failure(databaseError('not-read-only', undefined, { message: `${main} is not allowed, behind WITH neither: only reading is.` }));
  }
  return success(sql.slice(start, end));
}

/** SQLite's own limit (SQLITE_MAX_SQL_LENGTH) is 1,000,000 bytes; a query written by hand or model is a thousandth of that. */
export const STATEMENT_LIMIT = 200_000;

const READING_VERBS: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES']);
const OTHER_VERBS: ReadonlySet<string> = new Set([
  'ALTER',
  'ANALYZE',
  'ATTACH',
  'BEGIN',
  'COMMIT',
  'CREATE',
  'DETACH',
  'DELETE',
  'DROP',
  'END',
  'EXPLAIN',
  'INSERT',
  'PRAGMA',
  'REINDEX',
  'RELEASE',
  'REPLACE',
  'ROLLBACK',
  'SAVEPOINT',
  'UPDATE',
  'VACUUM',
]);

interface Token {
  readonly kind: 'space' | 'comment' | 'semicolon' | 'word' | 'literal' | 'operator' | 'illegal';
  readonly start: number;
  readonly end: number;
}

/** One token as SQLite's `sqlite3GetToken` cuts it; never throws, always advances. */
function readToken(sql: string, start: number): Token {
  const character = sql.charAt(start);
  const next = sql.charAt(start + 1);
  const token = (kind: Token['kind'], end: number): Token => ({ kind, start, end });
  if (SPACE.test(character)) {
    let end = start + 1;
    while (SPACE.test(sql.charAt(end))) end++;
    return token('space', end);
  }
  // SQLite skips a byte order mark before any token; at the text's beginning is where editors leave one, elsewhere it is refused.
  if (character === '\uFEFF') return token(start === 0 ? 'space' : 'word', start + 1);
  if (character === '-' && next === '-') {
    const newline = sql.indexOf('\n', start + 2);
    return token('comment', newline < 0 ? sql.length : newline);
  }
  if (character === '/' && next === '*') {
    // An unclosed comment ends with the text, as in SQLite.
    const close = sql.indexOf('*/', start + 2);
    return token('comment', close < 0 ? sql.length : close + 2);
  }
  if (character === ';') return token('semicolon', start + 1);
  if (character === "'" || character === '"' || character === '`') return quoted(sql, start, character, true);
  if (character === '[') {
    const close = sql.indexOf(']', start + 1);
    return close < 0 ? token('illegal', sql.length) : token('literal', close + 1);
  }
  if ((character === 'x' || character === 'X') && next === "'") {
    const literal = quoted(sql, start + 1, "'", false);
    return token(literal.kind, literal.end);
  }
  if (VARIABLE.test(character)) return variable(sql, start);
  if (WORD.test(character)) {
    let end = start + 1;
    while (end < sql.length && WORD.test(sql.charAt(end))) end++;
    return token(/[0-9]/.test(character) ? 'literal' : 'word', end);
  }
  return token(OPERATOR.test(character) ? 'operator' : 'illegal', start + 1);
}

function quoted(sql: string, start: number, quote: string, doubled: boolean): Token {
  let position = start + 1;
  for (;;) {
    const close = sql.indexOf(quote, position);
    if (close < 0) return { kind: 'illegal', start, end: sql.length };
    if (!doubled || sql.charAt(close + 1) !== quote) return { kind: 'literal', start, end: close + 1 };
    position = close + 2;
  }
}

/** `$name`, `@name`, `:name`, `#name`, with Tcl's `::` and `(…)`: what stands in those parentheses is part of the name, quotes and all. */
function variable(sql: string, start: number): Token {
  let length = 0;
  let position = start + 1;
  for (; position < sql.length; position++) {
    const character = sql.charAt(position);
    if (WORD.test(character)) length++;
    else if (character === '(' && length > 0) {
      do position++;
      while (position < sql.length && !SPACE.test(sql.charAt(position)) && sql.charAt(position) !== ')');
      if (sql.charAt(position) !== ')') return { kind: 'illegal', start, end: position };
      position++;
      break;
    } else if (character === ':' && sql.charAt(position + 1) === ':') position++;
    else break;
  }
  return { kind: length > 0 ? 'literal' : 'illegal', start, end: position };
}

/** Table-valued pragma functions which only read. Others, as pragma_optimize, act. */
const READING_PRAGMAS: ReadonlySet<string> = new Set([
  'pragma_collation_list',
  'pragma_compile_options',
  'pragma_database_list',
  'pragma_foreign_key_list',
  'pragma_function_list',
  'pragma_index_info',
  'pragma_index_list',
  'pragma_index_xinfo',
  'pragma_module_list',
  'pragma_pragma_list',
  'pragma_table_info',
  'pragma_table_xinfo',
]);

/** SQLite takes a table's name bare, in any quotes, and as a string: so literals are looked into as well. */
function pragmaFunction(token: Token, text: string): string | undefined {
  if (token.kind !== 'word' && token.kind !== 'literal') return undefined;
  const name = text.replace(/^["'`[]|["'`\]]$/g, '').toLowerCase();
  return name.startsWith('pragma_') && !READING_PRAGMAS.has(name) && /^\w+$/.test(name) ? name : undefined;
}

const VARIABLE = /^[$@#:]$/;
// sqlite3Isspace: space, \t \n \v \f \r. CC_ID: letters, digits, _ $ and every byte above 0x7f.
const SPACE = /^[ \t\n\v\f\r]$/;
const WORD = /^[A-Za-z0-9_$\u0080-\uFFFF]$/;
const OPERATOR = /^[-+*/%(),.<>=!|&~?:@#^{}\\]$/;

function shown(text: string): string {
  return `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}
