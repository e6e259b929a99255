import { createRequire } from 'node:module';
import type { InitSqlJsStatic } from 'sql.js';

const require = createRequire(import.meta.url);

/** A database file made by any statements, for tests: nothing is locked here. */
export async function createDatabase(sql: string): Promise<Uint8Array> {
  const initSqlJs = require('sql.js') as InitSqlJsStatic;
  const { Database } = await initSqlJs();
  const database = new Database();
  try {
    database.run(sql);
    return database.export();
  } finally {
    database.close();
  }
}
