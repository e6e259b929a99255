import { addToHistory, clearHistory, readHistory, type HistoryEntry } from '../storage/history.ts';
import type { Result } from '../result.ts';

/** The questions asked of one database, kept in this browser. */
export class History {
  entries = $state.raw<readonly HistoryEntry[]>([]);
  /** Set while the browser refuses to keep them: the list then lasts as long as the page. */
  notKept = $state(false);
  readonly #database: string;

  /** @param database what the list is kept under, the same for the same database at the next visit */
  constructor(database: string) {
    this.#database = database;
    void readHistory(database).then((read) => this.#take(read, []));
  }

  async add(entry: HistoryEntry): Promise<void> {
    const shown = [entry, ...this.entries.filter((old) => old.question !== entry.question || old.sql !== entry.sql)];
    this.#take(await addToHistory(this.#database, entry), shown);
  }

  async clear(): Promise<void> {
    this.#take(await clearHistory(this.#database), []);
  }

  #take(kept: Result<HistoryEntry[], string>, otherwise: readonly HistoryEntry[]): void {
    this.notKept = !kept.ok;
    this.entries = kept.ok ? kept.value : otherwise;
  }
}
