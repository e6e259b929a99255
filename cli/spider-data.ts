import { openAsBlob } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { readDataset, unusableDev, type Dataset, type Example, type Split } from '../src/evaluation/dataset.ts';
import type { SpiderTables } from '../src/evaluation/foreign-key-map.ts';
import { zipFiles, type Files } from '../src/evaluation/zip.ts';
import { UsageError } from './arguments.ts';

export { groupByDatabase } from '../src/evaluation/dataset.ts';

export type SpiderExample = Example;

const opened = new Map<string, Promise<Dataset>>();

/** Spider or BIRD as published: a folder or the archive itself. Read once a process. */
export function openDataset(place: string, split: Split = 'dev'): Promise<Dataset> {
  const key = `${split}\n${place}`;
  const known = opened.get(key) ?? readPlace(place, split);
  opened.set(key, known);
  return known;
}

async function readPlace(place: string, split: Split): Promise<Dataset> {
  const found = await stat(place).catch(() => undefined);
  if (found === undefined) throw new UsageError(`${place} is not there. Give the folder or the archive of Spider or BIRD.`);
  const files = found.isDirectory() ? await folderFiles(place) : await archiveFiles(place);
  const dataset = await readDataset(files, split);
  if (!dataset.ok) throw new UsageError(`${place}: ${dataset.error.message} ${dataset.error.nextStep}`);
  return dataset.value;
}

async function folderFiles(folder: string): Promise<Files> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'));
  return { paths, read: (file) => readFile(path.join(folder, file)) };
}

async function archiveFiles(file: string): Promise<Files> {
  const files = await zipFiles(await openAsBlob(file));
  if (!files.ok) throw new UsageError(`${file}: ${files.error.message} ${files.error.nextStep}`);
  return files.value;
}

/** The examples of `dev.json`, `train_spider.json` or `train_others.json`; of Spider's dev only the usable questions. */
export async function readSpiderExamples(spider: string, split: Split): Promise<readonly Example[]> {
  const { kind, examples } = await openDataset(spider, split);
  return kind === 'spider' && split === 'dev' ? examples.filter((example) => !unusableDev.has(example.index)) : examples;
}

/** The entries of tables.json by database. */
export async function readSpiderTables(spider: string): Promise<ReadonlyMap<string, SpiderTables>> {
  return (await openDataset(spider)).tables;
}

/** The bytes of one of the databases, undefined where it is not there. */
export async function readSpiderDatabase(spider: string, databaseId: string): Promise<Uint8Array | undefined> {
  return (await openDataset(spider)).readDatabase(databaseId);
}
