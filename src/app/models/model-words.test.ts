import { expect, it } from 'vitest';
import { accuracyWords } from './model-words.ts';

const measured = {
  benchmark: 'Spider dev, a fixed sample (dev100.json)',
  executionMatch: 0.27,
  executionMatchWithRepair: 0.535,
  questions: 100,
};

it('says how often a model is right, on what, and who says so', () => {
  expect(accuracyWords({ measuredAccuracy: measured, origin: 'published' })).toBe(
    'Right: 53.5% with repair, 27% alone (Spider dev, 100 questions)',
  );
  const { executionMatchWithRepair: _left, ...alone } = measured;
  expect(accuracyWords({ measuredAccuracy: alone, origin: 'imported' })).toBe('Right: 27% (Spider dev, 100 questions), its card says');
});

it('does not guess', () => {
  expect(accuracyWords({ measuredAccuracy: null, origin: 'hub' })).toBe('accuracy not measured');
});
