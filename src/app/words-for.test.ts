import { expect, test } from 'vitest';
import { about, bytes, count, milliseconds } from './words-for.ts';

test('counts agree with their nouns', () => {
  expect([count(0, 'row'), count(1, 'row'), count(3200, 'row')]).toEqual(['0 rows', '1 row', '3,200 rows']);
});

test('sizes are said as shops say them', () => {
  expect([bytes(1), bytes(999), bytes(85_400_000), bytes(2_486_272), bytes(1_230_000_000)]).toEqual([
    '1 byte',
    '999 bytes',
    '85 MB',
    '2.5 MB',
    '1.2 GB',
  ]);
});

test('times are rounded to what matters', () => {
  expect([milliseconds(12.4), milliseconds(3420), about(0.2), about(21), about(170)]).toEqual([
    '12 ms',
    '3.4 s',
    'about 1 s',
    'about 21 s',
    'about 3 min',
  ]);
});
