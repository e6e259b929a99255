import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { NodeDatabase } from '../src/database/node/node-database.ts';
import type { CostRow } from '../src/evaluation/report.ts';
import { buildPrompt } from '../src/text-to-sql/prompt.ts';
import { readSampleRows } from '../src/text-to-sql/read-sample-rows.ts';
import { groupByDatabase, readSpiderDatabase, readSpiderExamples } from './spider-data.ts';

/** GPT-4o mini's list price since July 2024, in dollars for a million tokens: an assumption of this table, not a measurement. */
const LIST_PRICE = { name: 'GPT-4o mini, the teacher, over its API', prompt: 0.15, completion: 0.6 };

/** The tokens of every dev question as the teacher is asked (create-table prompt, three rows a table; the gold query as the answer), on average. */
export async function teacherCost(spider: string, tokenizerFolder: string): Promise<CostRow> {
  const [model, config] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json'].map(
      async (file) => JSON.parse(await readFile(path.join(tokenizerFolder, file), 'utf8')) as object,
    ),
  );
  const tokenizer = new Tokenizer(model ?? {}, config ?? {});
  const count = (text: string): number => tokenizer.encode(text, { add_special_tokens: false }).ids.length;
  const tokens = { prompt: 0, completion: 0, questions: 0 };
  for (const [databaseId, examples] of groupByDatabase(await readSpiderExamples(spider, 'dev'))) {
    const bytes = await readSpiderDatabase(spider, databaseId);
    if (bytes === undefined) continue;
    const database = new NodeDatabase();
    try {
      const opened = await database.open(bytes);
      if (!opened.ok) continue;
      const sampleRows = await readSampleRows(database, opened.value);
      const prefix = count(buildPrompt('create-table', { schema: opened.value, question: '', values: [], sampleRows }).prefix);
      for (const { question, query } of examples) {
        tokens.prompt += prefix + count(buildPrompt('create-table', { schema: opened.value, question, values: [] }).suffix);
        tokens.completion += count(query);
        tokens.questions += 1;
      }
    } finally {
      await database.close();
    }
  }
  return {
    name: LIST_PRICE.name,
    promptTokens: tokens.prompt / tokens.questions,
    completionTokens: tokens.completion / tokens.questions,
    dollarsPerMillion: { prompt: LIST_PRICE.prompt, completion: LIST_PRICE.completion },
  };
}
