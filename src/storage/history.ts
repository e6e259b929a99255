import { get, update } from 'idb-keyval';
import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';

/** One question that was asked, or one query that was written by hand. */
const Entry = v.object({
  /** Milliseconds since 1970; unique in a list. */
  askedAt: v.number(),
  question: v.string(),
  sql: v.string(),
  /** Rows that came back, null where it failed. */
  rows: v.nullable(v.number()),
});
export type HistoryEntry = v.InferOutput<typeof Entry>;

/** Older entries make room; 200 are a long day's work and some 100 kB. */
const mostEntries = 200;

const keyOf = (database: string): string => `tabletalk:history:${database}`;

/** What is stored may be of another version or damaged: entries that do not parse are left out, never shown. */
function readable(stored: unknown): HistoryEntry[] {
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((item) => {
    const parsed = v.safeParse(Entry, item);
    return parsed.success ? [parsed.output] : [];
  });
}

/** The questions asked of one database, newest first. Fails with the browser's words where storage is refused (a private window). */
export async function readHistory(database: string): Promise<Result<HistoryEntry[], string>> {
  try {
    return success(readable(await get(keyOf(database))));
  } catch (error) {
    return failure(String(error));
  }
}

/** Puts an entry first, in place of an older one with the same question and SQL. Two tabs do not lose each other's entries. */
export function addToHistory(database: string, entry: HistoryEntry): Promise<Result<HistoryEntry[], string>> {
  const isOther = (old: HistoryEntry): boolean => old.question !== entry.question || old.sql !== entry.sql;
  return change(database, (entries) => [entry, ...entries.filter(isOther)].slice(0, mostEntries));
}

export function clearHistory(database: string): Promise<Result<HistoryEntry[], string>> {
  return change(database, () => []);
}

async function change(database: string, edit: (entries: HistoryEntry[]) => HistoryEntry[]): Promise<Result<HistoryEntry[], string>> {
  let edited: HistoryEntry[] = [];
  try {
    await update(keyOf(database), (stored) => (edited = edit(readable(stored))));
    return success(edited);
  } catch (error) {
    return failure(String(error));
  }
}
