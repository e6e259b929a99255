import type { Database, DatabaseError, Schema } from '../database/database.ts';
import { ExecutionMatch, predictionLine } from './execution-match.ts';
import type { ExecutionOptions, ExecutionVerdict } from './execution-match.ts';
import { exactSetMatch } from './exact-set-match.ts';
import type { ClauseScores } from './exact-set-match.ts';
import { hardness } from './hardness.ts';
import type { Hardness } from './hardness.ts';
import { EMPTY_SQL, parserSchema, tryParseSpiderSql } from './spider-sql.ts';
import type { ParserSchema } from './spider-sql.ts';

export const FAILURE_MODES = ['ok', 'wrong-result', 'execution', 'parse', 'empty'] as const;
/**
 * What became of a prediction: `ok` its result matches; `wrong-result` it ran; `execution` SQLite refused a name or a function, or it took too long;
 * `parse` it is no SQL; `empty` there is none.
 */
export type FailureMode = (typeof FAILURE_MODES)[number];

export interface Verdict {
  /** null where the gold query could not be run. */
  readonly exec: 0 | 1 | null;
  /** null where the official parser fails on the gold query. */
  readonly exactMatch: 0 | 1 | null;
  readonly hardness: Hardness | null;
  /** null where `exec` is. */
  readonly failureMode: FailureMode | null;
  readonly clauses: ClauseScores | null;
  /** What SQLite said about the gold query where it could not be run, else about the prediction. */
  readonly error?: DatabaseError;
}

/** Scores predictions on one open database as the official Spider evaluator does. Gold results are kept, so use one per database. */
export class Scorer {
  readonly #execution: ExecutionMatch;
  readonly #schema: ParserSchema;
  readonly #foreignKeys: ReadonlyMap<string, string>;

  /**
   * @param database open
   * @param schema of that database
   * @param foreignKeys from `foreignKeyMap` of the database's entry in tables.json
   */
  constructor(database: Database, schema: Schema, foreignKeys: ReadonlyMap<string, string>, options: ExecutionOptions = {}) {
    this.#execution = new ExecutionMatch(database, schema, options);
    this.#schema = parserSchema(schema);
    this.#foreignKeys = foreignKeys;
  }

  async score(gold: string, predicted: string): Promise<Verdict> {
    const line = predictionLine(predicted);
    const goldParse = tryParseSpiderSql(this.#schema, gold);
    const exact =
      goldParse && exactSetMatch(this.#schema, this.#foreignKeys, goldParse, tryParseSpiderSql(this.#schema, line) ?? EMPTY_SQL);
    const parsed = { exactMatch: exact?.match ?? null, hardness: goldParse && hardness(goldParse), clauses: exact?.clauses ?? null };

    const execution = await this.#execution.match(gold, line);
    if (execution.kind === 'could-not-score') return { ...parsed, exec: null, failureMode: null, error: execution.error };
    // An empty line ends a conversation for the official evaluator; there is nothing to run, and nothing can be right.
    const failureMode = line === '' ? 'empty' : failureModeOf(execution);
    return {
      ...parsed,
      exec: failureMode === 'ok' ? 1 : 0,
      failureMode,
      ...(execution.kind === 'failed' ? { error: execution.error } : {}),
    };
  }
}

/** SQLite's own words for text that is not SQL; see sqlite3RunParser and the tokenizer. */
const NOT_SQL = /syntax error|incomplete input|unrecognized token|parser stack overflow/u;

function failureModeOf(execution: Exclude<ExecutionVerdict, { kind: 'could-not-score' }>): FailureMode {
  switch (execution.kind) {
    case 'match':
      return 'ok';
    case 'mismatch':
      return 'wrong-result';
    case 'failed': {
      const { code, sqlite = '' } = execution.error;
      return code === 'not-read-only' || code === 'not-one-statement' || NOT_SQL.test(sqlite) ? 'parse' : 'execution';
    }
  }
}
