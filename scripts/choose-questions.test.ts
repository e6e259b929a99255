import { expect, it } from 'vitest';
import type { Example } from '../src/evaluation/dataset.ts';
import { chooseQuestions } from './choose-questions.ts';

const examples: Example[] = Array.from({ length: 100 }, (_, index) => ({
  id: `dev-${String(index)}`,
  index,
  databaseId: `database_${String(Math.floor(index / 20))}`,
  question: '',
  query: '',
}));
const ids = (count: number, seed = 1): string[] => chooseQuestions(examples, count, seed).map(({ id }) => id);

it('is the same for the same seed and another for another', () => {
  expect(ids(40)).toEqual(ids(40));
  expect(ids(40, 2)).not.toEqual(ids(40));
});

it('begins a larger sample with the smaller', () => {
  expect(ids(40).slice(0, 10)).toEqual(ids(10));
});

it('takes ten questions a database, one database after the other, none twice', () => {
  const chosen = chooseQuestions(examples, 40, 1);
  expect(new Set(ids(40)).size).toBe(40);
  for (let at = 0; at < 40; at += 10) expect(new Set(chosen.slice(at, at + 10).map(({ databaseId }) => databaseId)).size).toBe(1);
  expect(new Set(chosen.map(({ databaseId }) => databaseId)).size).toBe(4);
});
