import type { Database, Schema } from '../database/database.ts';
import { Catalog } from '../text-to-sql/repair/catalog.ts';
import { diagnose, didYouMean } from '../text-to-sql/repair/diagnose.ts';
import { Facts } from '../text-to-sql/repair/facts.ts';
import { repair, type RepairResult } from '../text-to-sql/repair/repair.ts';
import { applyEdits } from '../text-to-sql/sql/patch.ts';

/** A statement to run instead, one press away. */
export interface Fix {
  /** What it changes, in words. */
  readonly label: string;
  readonly sql: string;
}

/** More would be a list to read, not a choice to make. */
const mostFixes = 5;

/** What one database says about SQL; loaded when the first answer needs it, remembers what it asked. */
export class SqlDoctor {
  readonly #database: Database;
  readonly #schema: Schema;
  readonly #facts: Facts;

  constructor(database: Database, schema: Schema) {
    this.#database = database;
    this.#schema = schema;
    this.#facts = new Facts(database, new Catalog(schema));
  }

  /** Puts a model's SQL right, each change with its reason. */
  repair(sql: string, question: string, habits: boolean): Promise<RepairResult> {
    return repair(sql, this.#database, question, { facts: this.#facts, habits });
  }

  /** What may have been meant by SQL that failed: the whole statement put right, and each name alone. */
  async fixes(sql: string): Promise<Fix[]> {
    const whole = await didYouMean(sql, this.#database, { facts: this.#facts });
    const single = diagnose(sql, this.#schema).flatMap(({ start, end, suggestions }) =>
      suggestions.map(({ label, edit }) => ({ label: `${sql.slice(start, end)} → ${label}`, sql: applyEdits(sql, [edit]) })),
    );
    const all = [...(whole ? [{ label: whole.reason, sql: whole.sql }] : []), ...single];
    return all.filter((fix, at) => all.findIndex((other) => other.sql === fix.sql) === at).slice(0, mostFixes);
  }
}
