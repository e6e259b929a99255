export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * The counts of Vitest's JSON report. A run that ended in an error with no failed test in it (a file that does not load, an
 * unhandled rejection) counts as one failure.
 */
export function countVitest(report: string, exitCode: number): Count {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(report) as Record<string, number | undefined>;
  const failed = Math.max(numFailedTests ?? 0, exitCode === 0 ? 0 : 1);
  return { passed: numPassedTests ?? 0, failed, skipped: numPendingTests ?? 0 };
}

/** The sum of every summary line that pytest printed (`3 passed, 1 failed, 2 errors in 4.1s`); a script may call it several times. */
export function countPytest(output: string, exitCode: number): Count {
  const summaries = output.split('\n').filter((line) => /\d+ (passed|failed|errors?|skipped)\b.* in [\d.]+s/.test(line));
  const sum = (pattern: RegExp): number => summaries.reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0);
  const failed = sum(/(\d+) failed/) + sum(/(\d+) errors?\b/);
  const passed = sum(/(\d+) passed/);
  // A script that passes without pytest is one check; one that fails without a failed test failed elsewhere.
  const isPlainCheck = summaries.length === 0 && exitCode === 0;
  return { passed: isPlainCheck ? 1 : passed, failed: Math.max(failed, exitCode === 0 ? 0 : 1), skipped: sum(/(\d+) skipped/) };
}

/** `120 passed, 0 failed`: the line that CI reads. */
export function summaryLine(counts: readonly Count[]): string {
  const total = (field: keyof Count): number => counts.reduce((sum, count) => sum + count[field], 0);
  return `${total('passed')} passed, ${total('failed')} failed`;
}
