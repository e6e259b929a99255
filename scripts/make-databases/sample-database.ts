export type Cell = string | number | null;

export interface SampleTable {
  readonly name: string;
  /** Columns and constraints as they stand between the parentheses of CREATE TABLE. */
  readonly definition: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface SampleQuestion {
  readonly question: string;
  /** SQL that answers it; a test runs it and wants rows. */
  readonly reference: string;
  /** The app may answer it at once by the reference, without a model. */
  readonly template?: true;
}

export interface SampleDatabase {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  readonly tables: readonly SampleTable[];
  readonly questions: readonly SampleQuestion[];
}
