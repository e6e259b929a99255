import * as v from 'valibot';
import { failure, success, type Result } from '../result.ts';
import type { SpiderTables } from './foreign-key-map.ts';
import type { Files, FilesError } from './zip.ts';

export interface Example {
  /** `dev-12`: the file and the 0-based place in it. */
  readonly id: string;
  readonly index: number;
  readonly databaseId: string;
  readonly question: string;
  readonly query: string;
  /** BIRD: what one has to know about the data. */
  readonly evidence?: string;
  /** BIRD: simple, moderate or challenging, as it says itself. */
  readonly difficulty?: string;
}

/** A benchmark as it is published, read from its files. */
export interface Dataset {
  readonly kind: 'spider' | 'bird';
  readonly examples: readonly Example[];
  /** The entries of tables.json by database. */
  readonly tables: ReadonlyMap<string, SpiderTables>;
  /** Databases whose file is there. */
  readonly databaseIds: ReadonlySet<string>;
  /** The bytes of a database, undefined where its file is not there. Rejects where it cannot be read. */
  readDatabase(databaseId: string): Promise<Uint8Array | undefined>;
}

/** Dev examples of Spider on `wta_1`, whose `rankings` table is empty in a copy that is widely had: left out where it is. */
export const unusableDev: ReadonlySet<number> = new Set([459, 460, 469, 470, 471, 472, 479, 480]);

const SpiderExamples = v.array(v.looseObject({ db_id: v.string(), question: v.string(), query: v.string() }));
const BirdExamples = v.array(
  v.looseObject({
    db_id: v.string(),
    question: v.string(),
    SQL: v.string(),
    evidence: v.optional(v.string(), ''),
    difficulty: v.optional(v.string()),
  }),
);
const Tables = v.array(
  v.looseObject({
    db_id: v.string(),
    table_names_original: v.array(v.string()),
    column_names_original: v.array(v.tuple([v.number(), v.string()])),
    foreign_keys: v.array(v.tuple([v.number(), v.number()])),
  }),
);

export type Split = 'dev' | 'train_spider' | 'train_others';

/**
 * Reads Spider (`dev.json`, `tables.json`, `database/<id>/<id>.sqlite`; Yu et al. 2018) or BIRD (`dev.json` or `mini_dev_sqlite.json`, `dev_tables.json`,
 * `dev_databases/<id>/<id>.sqlite`; Li et al. 2023) from wherever in `files` they lie. Which it is, the examples tell: BIRD calls its query `SQL`.
 */
export async function readDataset(files: Files, split: Split = 'dev'): Promise<Result<Dataset, FilesError>> {
  const paths = files.paths.filter((path) => !/(?:^|\/)(?:__MACOSX|\.)/.test(path));
  const questions = nearest(paths, split === 'dev' ? /(?:^|\/)(?:dev|mini_dev_sqlite)\.json$/ : new RegExp(`(?:^|/)${split}\\.json$`));
  if (questions === undefined) {
    return failure({
      message: `There is no ${split}.json in it.`,
      nextStep: 'Give Spider or BIRD as they are published: the archive, or the folder with dev.json and the databases.',
    });
  }
  const json = await readJson(files, questions);
  if (!json.ok) return json;
  const spider = v.safeParse(SpiderExamples, json.value);
  const bird = v.safeParse(BirdExamples, json.value);
  if (!spider.success && !bird.success) {
    return failure({ message: `${questions} is no list of questions as Spider or BIRD have them.`, nextStep: 'Get the file again.' });
  }
  const folder = questions.slice(0, questions.lastIndexOf('/') + 1);
  const tablesPath = nearest(
    paths.filter((path) => path.startsWith(folder)),
    /(?:^|\/)(?:dev_)?tables\.json$/,
  );
  const tables = await readTables(files, tablesPath);
  if (!tables.ok) return tables;
  const databases = new Map<string, string>();
  for (const path of paths) {
    const [, id] = /(?:^|\/)(?:database|dev_databases|databases)\/([^/]+)\/\1\.sqlite$/.exec(path) ?? [];
    if (id !== undefined && !databases.has(id)) databases.set(id, path);
  }
  const examples = spider.success
    ? spider.output.map(({ db_id, question, query }, index) => ({
        id: `${split}-${String(index)}`,
        index,
        databaseId: db_id,
        question,
        query,
      }))
    : (bird.output as v.InferOutput<typeof BirdExamples>).map(({ db_id, question, SQL, evidence, difficulty }, index) => ({
        id: `${split}-${String(index)}`,
        index,
        databaseId: db_id,
        question,
        query: SQL,
        evidence,
        ...(difficulty === undefined ? {} : { difficulty }),
      }));
  return success({
    kind: spider.success ? 'spider' : 'bird',
    examples,
    tables: tables.value,
    databaseIds: new Set(databases.keys()),
    async readDatabase(databaseId) {
      const path = databases.get(databaseId);
      return path === undefined ? undefined : files.read(path);
    },
  });
}

/** The match with the fewest folders above it. */
function nearest(paths: readonly string[], pattern: RegExp): string | undefined {
  const depth = (path: string): number => path.split('/').length;
  return paths.filter((path) => pattern.test(path)).sort((a, b) => depth(a) - depth(b))[0];
}

async function readTables(files: Files, path: string | undefined): Promise<Result<ReadonlyMap<string, SpiderTables>, FilesError>> {
  // Without it only exact set match suffers, which needs the foreign keys.
  if (path === undefined) return success(new Map());
  const json = await readJson(files, path);
  if (!json.ok) return json;
  const tables = v.safeParse(Tables, json.value);
  if (!tables.success) return failure({ message: `${path} is no tables.json as Spider has it.`, nextStep: 'Get the file again.' });
  return success(new Map(tables.output.map((entry) => [entry.db_id, entry])));
}

async function readJson(files: Files, path: string): Promise<Result<unknown, FilesError>> {
  try {
    return success(JSON.parse(new TextDecoder().decode(await files.read(path))) as unknown);
  } catch (error) {
    return failure({
      message: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      nextStep: 'Download it again, or unpack it and give the folder.',
    });
  }
}

/** Examples, or what belongs to them, by their database, in the order of the file: each database is opened once. */
export function groupByDatabase<Item extends { readonly databaseId: string }>(items: readonly Item[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.databaseId);
    if (group) group.push(item);
    else groups.set(item.databaseId, [item]);
  }
  return groups;
}
