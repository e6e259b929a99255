import type { Dataset } from '../../evaluation/dataset.ts';
import { fnv1a } from '../../evaluation/fnv1a.ts';

const known = new WeakMap<Dataset, string>();

/** Tells benchmarks apart by their questions and gold queries (fnv1a.ts). */
export function fingerprint(dataset: Dataset): string {
  const before = known.get(dataset);
  if (before !== undefined) return before;
  let hash = fnv1a('');
  for (const { databaseId, question, query } of dataset.examples) hash = fnv1a(`${databaseId}\n${question}\n${query}\n`, hash);
  const made = `${String(dataset.examples.length)}-${hash.toString(16)}`;
  known.set(dataset, made);
  return made;
}
