import { createWriteStream } from 'node:fs';
import { linkValues } from '../src/text-to-sql/link-values.ts';
import { teacherMessages } from '../src/text-to-sql/teacher-prompt.ts';
import { Progress } from './progress.ts';
import { readSampleRows } from '../src/text-to-sql/read-sample-rows.ts';
import { groupByDatabase, type SpiderExample } from './spider-data.ts';
import { openWithValues } from './training-examples.ts';

/**
 * Writes what training/tabletalk_training/teacher.py asks: a question a line, `{id, db_id, question, messages: {direct, reasoning}}`, the questions of
 * one database together, so that an endpoint that keeps prefixes has each schema once.
 *
 * @returns how many questions were written, and how many have no database here
 */
export async function writeTeacherPrompts(
  spider: string,
  examples: readonly SpiderExample[],
  file: string,
): Promise<{ readonly written: number; readonly noDatabase: number }> {
  const out = createWriteStream(file);
  const groups = groupByDatabase(examples);
  const progress = new Progress('Databases for the teacher', groups.size);
  const counts = { written: 0, noDatabase: 0 };
  for (const [databaseId, own] of groups) {
    const opened = await openWithValues(spider, databaseId);
    if (opened === undefined) counts.noDatabase += own.length;
    else {
      const { database, schema, index } = opened;
      const sampleRows = await readSampleRows(database, schema);
      for (const { id, question } of own) {
        const input = { schema, sampleRows, question, values: linkValues(question, index, schema) };
        const messages = { direct: teacherMessages('direct', input), reasoning: teacherMessages('reasoning', input) };
        out.write(`${JSON.stringify({ id, db_id: databaseId, question, messages })}\n`);
        counts.written++;
      }
      await database.close();
    }
    progress.advance();
  }
  await new Promise((resolve) => out.end(resolve));
  return counts;
}
