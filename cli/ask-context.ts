import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import type { Database, Schema } from '../src/database/database.ts';
import type { AskContext } from '../src/text-to-sql/answer.ts';
import { buildSchemaIndex } from '../src/text-to-sql/link-schema.ts';
import { buildValueIndex } from '../src/text-to-sql/link-values.ts';
import { readColumnValues } from '../src/text-to-sql/read-column-values.ts';
import { UsageError } from './arguments.ts';
import { sampleRowsFor } from '../src/text-to-sql/read-sample-rows.ts';
import { readSpiderDatabase } from './spider-data.ts';

const Card = v.looseObject({
  id: v.string(),
  promptStyle: v.picklist(['compact', 'create-table']),
  schemaBudget: v.exactOptional(v.number()),
});

/** What a question's way needs to know of a model. */
export type Card = v.InferOutput<typeof Card>;

/** The `model-card.json` of a model folder. Throws UsageError where it cannot be read. */
export async function readCard(folder: string): Promise<Card> {
  try {
    return v.parse(Card, JSON.parse(await readFile(path.join(folder, 'model-card.json'), 'utf8')));
  } catch (error) {
    throw new UsageError(
      `${folder} is not a model folder: its model-card.json cannot be read (${error instanceof Error ? error.message : String(error)}).`,
    );
  }
}

/** Opens one of the benchmark's databases. Throws UsageError where it is not there or does not open. */
export async function openSpiderDatabase(database: Database, spider: string, databaseId: string): Promise<Schema> {
  const bytes = await readSpiderDatabase(spider, databaseId);
  if (bytes === undefined) throw new UsageError(`The database ${databaseId} is not in ${path.join(spider, 'database')}.`);
  const opened = await database.open(bytes);
  if (!opened.ok) throw new UsageError(`The database ${databaseId} cannot be opened. ${opened.error.message}`);
  return opened.value;
}

/** Everything that the questions on an open database share, as the model is to see it. */
export async function askContext(
  database: Database,
  schema: Schema,
  { promptStyle: style, schemaBudget }: Pick<Card, 'promptStyle' | 'schemaBudget'>,
): Promise<AskContext> {
  const values = buildValueIndex(await readColumnValues(database, schema));
  const sampleRows = await sampleRowsFor(style, database, schema);
  return {
    schema: buildSchemaIndex(schema),
    values,
    style,
    ...(schemaBudget === undefined ? {} : { schemaBudget }),
    sampleRows,
  };
}
