import { readFile } from 'node:fs/promises';
import { readPredictionLines, type Prediction } from '../src/evaluation/predictions.ts';
import { UsageError } from './arguments.ts';

export type { Prediction } from '../src/evaluation/predictions.ts';

/** Reads a predictions file, see `readPredictionLines`. Throws UsageError naming the line that is no prediction. */
export async function readPredictions(file: string): Promise<Prediction[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`The predictions file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parsePredictions(text, file);
}

/** @param name of the file, for error messages */
export function parsePredictions(text: string, name: string): Prediction[] {
  const read = readPredictionLines(text, name);
  if (!read.ok) throw new UsageError(`${read.error.message} ${read.error.nextStep}`);
  return read.value;
}
