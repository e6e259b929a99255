import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';

const Manifest = v.object({ seed: v.number(), candidates: v.number(), queries: v.record(v.string(), v.array(v.string())) });
/** `suite.json`: which databases count for a gold query. */
export type SuiteManifest = v.InferOutput<typeof Manifest>;

/** The databases of one test suite. */
export interface Suite {
  readonly files: readonly string[];
  readonly read: (file: string) => Promise<Uint8Array>;
  /** Whether a database counts for a gold query: all do in the official suites, which have no manifest. */
  readonly counts: (file: string, gold: string) => boolean;
}

/**
 * The suite of one database: ours (`<suites>/<id>/*.sqlite` with `suite.json`) or the official one, whose folder holds the real database and its fuzzed
 * copies (`<suites>/database/<id>/*.sqlite` or `<suites>/<id>/*.sqlite`). undefined where there is none.
 */
export async function readSuite(suites: string, databaseId: string): Promise<Suite | undefined> {
  for (const folder of [path.join(suites, databaseId), path.join(suites, 'database', databaseId)]) {
    const names: readonly string[] = await readdir(folder).catch(() => []);
    const files = names.filter((name) => name.endsWith('.sqlite')).sort((a, b) => a.localeCompare(b, 'en'));
    if (files.length === 0) continue;
    const manifest = names.includes('suite.json')
      ? v.parse(Manifest, JSON.parse(await readFile(path.join(folder, 'suite.json'), 'utf8')))
      : undefined;
    const used = new Map(Object.entries(manifest?.queries ?? {}).map(([gold, own]) => [gold, new Set(own)]));
    return {
      files,
      read: (file) => readFile(path.join(folder, file)),
      counts: (file, gold) => manifest === undefined || used.get(gold)?.has(file) === true,
    };
  }
  return undefined;
}
