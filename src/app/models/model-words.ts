import type { CatalogueEntry } from '../../engine/catalogue.ts';

/** How far a model's files are known, in two words. */
export const originWords: Readonly<Record<CatalogueEntry['origin'], string>> = {
  published: 'Verified',
  linked: 'By address',
  imported: 'Imported',
  hub: 'Not known to us',
};

/** How often a model was measured to be right: `Right: 53% with repair, 27% alone (Spider dev, 100 questions)`, or that nobody has measured. */
export function accuracyWords({ measuredAccuracy, origin }: Pick<CatalogueEntry, 'measuredAccuracy' | 'origin'>): string {
  if (!measuredAccuracy) return 'accuracy not measured';
  const { executionMatch, executionMatchWithRepair, benchmark, questions } = measuredAccuracy;
  const alone = percent(executionMatch);
  const figures = executionMatchWithRepair === undefined ? alone : `${percent(executionMatchWithRepair)} with repair, ${alone} alone`;
  const says = origin === 'published' ? '' : ', its card says';
  // The card's words may go on with how it was run; the first clause says which questions.
  return `Right: ${figures} (${benchmark.split(/[,(]/)[0]?.trim() ?? ''}, ${questions} questions)${says}`;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10}%`;
}
