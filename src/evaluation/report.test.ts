import { describe, expect, it } from 'vitest';
import type { ReportedModel, ReportedQuestion } from './report.ts';
import { makeReport } from './report.ts';

const QUESTIONS = [
  'How many singers are there?',
  'Who is the oldest singer?',
  'Name singers without a song.',
  'List the names of all singers.',
];
const LEVELS = ['easy', 'medium', 'hard', 'extra'] as const;

/** @param right which questions are right, as digits */
function model(name: string, right: string, bytes: number | null, milliseconds?: number): ReportedModel {
  const questions = [...right].map((digit, index): ReportedQuestion => ({
    index,
    databaseId: index % 3 === 0 ? 'pets' : 'singer',
    question: QUESTIONS[index % QUESTIONS.length] ?? '',
    exec: digit === '?' ? null : digit === '1' ? 1 : 0,
    exactMatch: digit === '1' && index % 2 === 0 ? 1 : 0,
    hardness: LEVELS[index % LEVELS.length] ?? 'easy',
    failureMode: digit === '?' ? null : digit === '1' ? 'ok' : index % 2 === 0 ? 'wrong-result' : 'execution',
    ...(milliseconds === undefined ? {} : { milliseconds: milliseconds + index }),
  }));
  return { name, questions, bytes };
}

const models = [model('small <&> "quick"', '1010010100?1', 85_000_000, 900), model('large', '1110110111?1', null)];
const published = [{ name: 'somebody’s 1.5B', exec: 0.625, bytes: 847_000_000 }];

describe('the report', () => {
  const report = makeReport(models, published, { command: 'npm run report -- --model …' });

  it('is the golden one, word for word', async () => {
    await expect(report.markdown).toMatchFileSnapshot('golden/results.md');
  });

  it.each(Object.entries(report.figures))('draws %s as the golden one', async (name, svg) => {
    await expect(svg).toMatchFileSnapshot(`golden/${name}`);
  });

  it('says nothing of pairs when there is one model', () => {
    expect(makeReport(models.slice(0, 1), [], { command: 'npm run report' }).markdown).not.toContain('Paired');
  });

  it('reckons what 1,000 questions cost', () => {
    const costs = [
      { name: 'teacher', promptTokens: 1_000, completionTokens: 50, dollarsPerMillion: { prompt: 0.15, completion: 0.6 } },
      { name: 'student', promptTokens: 140, completionTokens: 30, dollarsPerMillion: null },
    ];
    const { markdown } = makeReport(models, [], { command: 'npm run report', costs });
    expect(markdown).toContain('| teacher | 1000 | 50 | $0.180 |');
    expect(markdown).toContain('| student | 140 | 30 | 0: it runs where it is asked |');
  });

  it('draws learning curves, tells speeds and ends with what is added', async () => {
    const curves = [{ name: 'a run', steps: Array.from({ length: 40 }, (_, step) => ({ seen: step * 25, loss: 3 / (step + 1) })) }];
    const fast = models.map((one) => ({ ...one, speed: { read: 512.4, written: 99.6 } }));
    const { markdown, figures } = makeReport(fast, [], {
      command: 'npm run report',
      prefix: 'students-',
      curves,
      notes: '## More\n\nWords.\n',
    });
    expect(markdown).toContain('![Learning curves](figures/students-learning-curves.svg)');
    expect(markdown).toContain('| 512 | 100 |');
    expect(markdown.endsWith('## More\n\nWords.\n')).toBe(true);
    await expect(figures['students-learning-curves.svg']).toMatchFileSnapshot('golden/learning-curves.svg');
  });

  it('puts the test suites beside execution match where they were run', () => {
    const questions = models[0]?.questions.map((question, index): ReportedQuestion => ({
      ...question,
      testSuite: index === 1 ? null : index === 0 ? 1 : 0,
    }));
    const { markdown } = makeReport([{ name: 'tested', questions: questions ?? [], bytes: null }], published, {
      command: 'npm run report',
    });
    expect(markdown).toContain('| model | n | execution match | interval | test suites | easy |');
    expect(markdown).toMatch(/\| tested \| \d+ \| [\d.]+% \| [^|]+ \| 9\.1% \|/);
    expect(report.markdown).not.toContain('test suites');
  });

  it('stands without any question', () => {
    expect(makeReport([{ name: 'none', questions: [], bytes: null }], [], { command: 'npm run report' }).markdown).toContain(
      '| none | 0 | – |',
    );
  });
});
