import type { DatabaseError, DatabaseErrorCode } from './database.ts';

const SENTENCES: Readonly<Record<DatabaseErrorCode, readonly [message: string, nextStep: string]>> = {
  'empty-file': ['The file is empty.', 'Choose a file that holds a SQLite database; if you exported it, export it again.'],
  'not-a-database': [
    'This file is not a SQLite database.',
    'Choose a .sqlite, .sqlite3 or .db file: it begins with the words "SQLite format 3".',
  ],
  encrypted: [
    'This file seems to be an encrypted database; it cannot be read here.',
    'Decrypt it with the program that made it (SQLCipher: sqlcipher_export) and choose the decrypted file.',
  ],
  corrupt: [
    'The database file is damaged, SQLite cannot read it.',
    'Try the original or a backup of the file; on the command line, "sqlite3 FILE .recover" saves what is readable.',
  ],
  'too-large': [
    'The database is larger than what can be opened in a page (512 MiB).',
    'Choose a smaller file, or delete what you do not need from a copy of it and run VACUUM.',
  ],
  'not-read-only': [
    'This statement could change something; only reading is allowed here.',
    'Write a query that begins with SELECT or WITH.',
  ],
  'not-one-statement': ['This is not exactly one query.', 'Write one SELECT, WITH or VALUES statement and run it alone.'],
  sql: ['SQLite could not run this query.', 'Compare the names in it with the tables and columns of the database, and correct the query.'],
  timeout: [
    'The query took longer than its time limit and was stopped.',
    'Ask for less: add a condition or a LIMIT, or check the join conditions. The database is open again.',
  ],
  memory: [
    'The query needed more memory than it may use.',
    'Ask for less: fewer columns, a condition, a LIMIT, or less to sort and group.',
  ],
  aborted: ['The query was stopped.', 'Run it again when you want; the database is open.'],
  crashed: ['The database engine stopped unexpectedly.', 'Run the query again; if it happens again, open the database anew.'],
  closed: ['No database is open.', 'Open a database first.'],
};

/** How long a piece of SQLite's own words may get: an error message can quote a whole statement. */
const SQLITE_WORDS_LIMIT = 500;

/**
 * @param code which error
 * @param sqlite SQLite's own words, cut at 500 characters
 * @param replacement other sentences than the code's usual ones
 */
export function databaseError(
  code: DatabaseErrorCode,
  sqlite?: string,
  replacement: { readonly message?: string; readonly nextStep?: string } = {},
): DatabaseError {
  const [message, nextStep] = SENTENCES[code];
  const error = { code, message: replacement.message ?? message, nextStep: replacement.nextStep ?? nextStep };
  return sqlite === undefined ? error : { ...error, sqlite: sqlite.slice(0, SQLITE_WORDS_LIMIT) };
}
