import { readFile } from 'node:fs/promises';
import path from 'node:path';

export interface SpiderExample {
  /** `dev-12`, `train_spider-3`: the file and the 0-based place in it. */
  readonly id: string;
  readonly databaseId: string;
  readonly question: string;
  readonly query: string;
}

/** Dev examples on `wta_1`, whose `rankings` table is empty in the copy that is had here: see ../shared/spider/README.md. */
export const unusableDev: ReadonlySet<number> = new Set([459, 460, 469, 470, 471, 472, 479, 480]);

/** Reads `dev.json`, `train_spider.json` or `train_others.json` of a Spider folder; of dev only the usable questions. */
export async function readSpiderExamples(spider: string, split: 'dev' | 'train_spider' | 'train_others'): Promise<SpiderExample[]> {
  const parsed: unknown = JSON.parse(await readFile(path.join(spider, `${split}.json`), 'utf8'));
  if (!Array.isArray(parsed)) throw new Error(`${split}.json is not a list of examples`);
  return parsed.flatMap((example: unknown, index) => {
    if (split === 'dev' && unusableDev.has(index)) return [];
    const { db_id, question, query } = example as Record<string, unknown>;
    if (typeof db_id !== 'string' || typeof question !== 'string' || typeof query !== 'string') {
      throw new Error(`${split}.json, example ${String(index)}: db_id, question and query are expected`);
    }
    return [{ id: `${split}-${String(index)}`, databaseId: db_id, question, query }];
  });
}

/** The bytes of one of Spider's databases, undefined where it is not there. */
export async function readSpiderDatabase(spider: string, databaseId: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path.join(spider, 'database', databaseId, `${databaseId}.sqlite`));
  } catch {
    return undefined;
  }
}

/** Examples by their database, in the order of the file: each database is opened once. */
export function groupByDatabase(examples: readonly SpiderExample[]): Map<string, SpiderExample[]> {
  const groups = new Map<string, SpiderExample[]>();
  for (const example of examples) {
    const group = groups.get(example.databaseId);
    if (group) group.push(example);
    else groups.set(example.databaseId, [example]);
  }
  return groups;
}
