import { readDataset, type Dataset } from '../../evaluation/dataset.ts';
import type { Files, FilesError } from '../../evaluation/zip.ts';
import { failure, type Result } from '../../result.ts';
import type { Problem } from '../problem.ts';

/** Reads what was dropped as a benchmark. @param name of the archive or folder, for messages */
export async function openBenchmark(name: string, read: () => Promise<Result<Files, FilesError>>): Promise<Result<Dataset, Problem>> {
  try {
    const files = await read();
    const dataset = files.ok ? await readDataset(files.value) : files;
    if (!dataset.ok) return failure({ ...dataset.error, message: `${name}: ${dataset.error.message}` });
    if (dataset.value.kind === 'spider') return dataset;
    return failure({
      message: `${name} is BIRD, which is scored by other rules than this page has.`,
      nextStep: 'Score it from the terminal, or drop in Spider.',
    });
  } catch (error) {
    return failure({
      message: `${name} could not be read.`,
      nextStep: 'Choose it again; if it lies on a network, copy it to this machine first.',
      detail: String(error),
    });
  }
}

/** Whether a file is an archive, by its name or its first two bytes. */
export async function isArchive(file: File): Promise<boolean> {
  if (/\.zip$/i.test(file.name)) return true;
  try {
    const [p, k] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    return p === 0x50 && k === 0x4b;
  } catch {
    return false; // What cannot be read is said when it is read.
  }
}
