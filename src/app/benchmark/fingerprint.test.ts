import { expect, it } from 'vitest';
import { petsDataset } from '../../../tests/fixtures/pets-dataset.ts';
import type { Example } from '../../evaluation/dataset.ts';
import { fingerprint } from './fingerprint.ts';

const dataset = await petsDataset();
const changed = (change: (example: Example) => Example): string =>
  fingerprint({ ...dataset, examples: dataset.examples.map((example) => (example.index === 2 ? change(example) : example)) });

it('is the same for the same questions, wherever they were read from', async () => {
  expect(fingerprint(await petsDataset())).toBe(fingerprint(dataset));
  expect(fingerprint({ ...dataset, databaseIds: new Set() })).toBe(fingerprint(dataset));
});

it.each<[string, (example: Example) => Example]>([
  ['a question', (example) => ({ ...example, question: `${example.question}?` })],
  ['a gold query', (example) => ({ ...example, query: 'SELECT count(*)  FROM car' })],
  ['a database', (example) => ({ ...example, databaseId: 'car' })],
  [
    'where one ends and the next begins',
    (example) => ({ ...example, databaseId: `${example.databaseId}H`, question: example.question.slice(1) }),
  ],
])('is another where %s differs', (_what, change) => {
  expect(changed(change)).not.toBe(fingerprint(dataset));
});

it('is another where questions are missing or stand in another order', () => {
  expect(fingerprint({ ...dataset, examples: dataset.examples.slice(1) })).not.toBe(fingerprint(dataset));
  expect(fingerprint({ ...dataset, examples: dataset.examples.toReversed() })).not.toBe(fingerprint(dataset));
});
