import type { Dataset } from '../../evaluation/dataset.ts';

const known = new WeakMap<Dataset, string>();

/** Tells benchmarks apart by their questions and gold queries (FNV-1a, 32 bits): against a mistake, not against malice. */
export function fingerprint(dataset: Dataset): string {
  const before = known.get(dataset);
  if (before !== undefined) return before;
  let hash = 0x811c9dc5;
  for (const { databaseId, question, query } of dataset.examples) {
    for (const character of `${databaseId}\n${question}\n${query}\n`) {
      hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    }
  }
  const made = `${String(dataset.examples.length)}-${(hash >>> 0).toString(16)}`;
  known.set(dataset, made);
  return made;
}
