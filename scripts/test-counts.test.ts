import { expect, test } from 'vitest';
import { countPytest, countVitest, summaryLine } from './test-counts.ts';

test('Vitest’s report gives passed, failed and skipped', () => {
  const report = JSON.stringify({ numPassedTests: 7, numFailedTests: 2, numPendingTests: 1 });
  expect(countVitest(report, 1)).toEqual({ passed: 7, failed: 2, skipped: 1 });
});

test('a run that fails without a failed test counts as one failure', () => {
  expect(countVitest(JSON.stringify({ numPassedTests: 7, numFailedTests: 0, numPendingTests: 0 }), 1).failed).toBe(1);
  expect(countPytest('==== 3 passed in 1.0s ====', 2)).toEqual({ passed: 3, failed: 1, skipped: 0 });
});

test('several runs of pytest add up', () => {
  const output = '==== 3 passed, 1 skipped in 1.02s ====\nwords: 12 passed through\n= 1 failed, 4 passed, 2 errors in 61.20s (0:01:01) =\n';
  expect(countPytest(output, 1)).toEqual({ passed: 7, failed: 3, skipped: 1 });
});

test('a script without pytest is one check', () => {
  expect(countPytest('all good', 0)).toEqual({ passed: 1, failed: 0, skipped: 0 });
});

test('the last line adds all runners up', () => {
  expect(summaryLine([countPytest('1 passed in 1s', 0), { passed: 4, failed: 2, skipped: 3 }])).toBe('5 passed, 2 failed');
});
