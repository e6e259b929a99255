import type { DatabaseError } from '../database/database.ts';
import type { EngineError } from '../engine/engine.ts';
import type { AnswerError } from '../text-to-sql/answer.ts';

/** What went wrong, as it is shown: a sentence, what to do next, and whose words are behind it. */
export interface Problem {
  readonly message: string;
  readonly nextStep: string;
  /** SQLite's or the library's own words. */
  readonly detail?: string;
  /** The person stopped it: no alarm. */
  readonly stopped?: boolean;
}

export function databaseProblem(error: DatabaseError): Problem {
  return {
    message: error.message,
    nextStep: error.nextStep,
    stopped: error.code === 'aborted',
    ...(error.sqlite === undefined ? {} : { detail: error.sqlite }),
  };
}

export function engineProblem(error: EngineError): Problem {
  return {
    message: error.message,
    nextStep: error.nextStep,
    stopped: error.code === 'aborted',
    ...(error.detail === undefined ? {} : { detail: error.detail }),
  };
}

export function answerProblem(error: AnswerError): Problem {
  switch (error.stage) {
    case 'model':
      return engineProblem(error.error);
    case 'database':
      return databaseProblem(error.error);
    case 'no-sql':
      return { message: error.message, nextStep: error.nextStep };
  }
}
