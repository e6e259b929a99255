import { describe, expect, it } from 'vitest';
import { enginesMarkdown, enginesSummary, type EngineAnswer, type EnginesReport } from './engines-report.ts';

const answered = (sql: string, milliseconds = 1_000): EngineAnswer => ({
  text: sql,
  sql,
  promptTokens: 90,
  reusedTokens: 60,
  completionTokens: 9,
  milliseconds,
});
const report = (...questions: readonly [native?: string, browser?: string][]): EnginesReport => ({
  command: 'npm run compare-engines',
  model: 'student',
  cardSha256: '',
  seed: 1,
  processors: '2 x CPU',
  measuredAt: 'now',
  questions: questions.map(([native, browser], index) => ({
    id: `dev-${String(index)}`,
    databaseId: 'pets_1',
    question: `Question ${String(index)}?`,
    ...(native === undefined ? {} : { native: answered(native) }),
    ...(browser === undefined ? {} : { browser: answered(browser, 8_000) }),
  })),
});

describe('the comparison of the engines', () => {
  it('says the share with identical SQL, of those that both answered', () => {
    expect(enginesSummary(report(['SELECT 1', 'SELECT 1'], ['SELECT 1', 'SELECT 2'], ['SELECT 3']))).toBe(
      'Identical SQL from the CPU engine and the browser: 1 of 2 questions (50.0%; goal 95.0%, not reached); 1 still to do',
    );
    expect(enginesSummary(report(['SELECT 1', 'SELECT 1']))).toContain('1 of 1 questions (100.0%; goal 95.0%, reached)');
    expect(enginesSummary(report(['SELECT 1']))).toContain('0 of 0 questions (0.0%; goal 95.0%, not reached)');
  });

  it('shows what differs with both texts, and only that', () => {
    const page = enginesMarkdown(report(['SELECT 1', 'SELECT 1'], ['SELECT a', 'SELECT b']));
    expect(page).toContain('### dev-1 on pets_1');
    expect(page).toContain('-- CPU\nSELECT a\n-- Browser\nSELECT b');
    expect(page).not.toContain('### dev-0');
    expect(page).toContain('| CPU | 1.0 s | 18 |');
    expect(page).toContain('| Browser | 8.0 s | 18 |');
    expect(enginesMarkdown(report(['SELECT 1', 'SELECT 1']))).toContain('None.');
  });
});
