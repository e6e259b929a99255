import * as v from 'valibot';

const Example = v.object({
  question: v.string(),
  /** Where there is SQL, the question answers at once, without a model. */
  sql: v.optional(v.string()),
});

const Sample = v.object({
  id: v.string(),
  title: v.string(),
  description: v.string(),
  /** Relative to `databases/`. */
  file: v.string(),
  bytes: v.number(),
  tables: v.number(),
  rows: v.number(),
  questions: v.array(Example),
});

const Index = v.object({ databases: v.array(Sample) });

export type ExampleQuestion = v.InferOutput<typeof Example>;
export type Sample = v.InferOutput<typeof Sample>;

/** Reads `databases/index.json` beside the page. @throws TypeError, ValiError, SyntaxError where it cannot be read or is not one */
export async function loadSamples(): Promise<readonly Sample[]> {
  const response = await fetch(new URL('databases/index.json', document.baseURI));
  if (!response.ok) throw new TypeError(`databases/index.json: status ${response.status}`);
  return v.parse(Index, await response.json()).databases;
}

/** The bytes of a sample database. @throws TypeError where it cannot be fetched */
export async function fetchSample(sample: Sample): Promise<Uint8Array> {
  const response = await fetch(new URL(sample.file, new URL('databases/', document.baseURI)));
  if (!response.ok) throw new TypeError(`${sample.file}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
